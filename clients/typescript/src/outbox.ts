/**
 * What was written and is not answered, in its order: what has been sent, and behind it what waits. It makes the frames,
 * and bounds what is under way.
 */
import type { WriteResponse } from "../../../gen/ts/socketregistry/v1/socket_registry.js";

/** One write. */
export interface Outgoing {
  /** The request as an element of a frame. */
  readonly bytes: Uint8Array;
  resolve(response: WriteResponse): void;
  reject(error: unknown): void;
}

/** A frame is closed before it has more than this, but for one write that is larger. */
export const frameWritesMax = 1_000;
export const frameBytesMax = 256 * 1024;
/** More than this is not sent before something is answered, but for one write that is larger. */
export const underWayMax = 4_096;
export const underWayBytesMax = 4 * 1024 * 1024;

export type Outbox = ReturnType<typeof createOutbox>;

export function createOutbox() {
  // First what is answered and not yet removed, then what is sent, then what waits.
  let writes: (Outgoing | undefined)[] = [];
  let answered = 0;
  let sent = 0;
  let underWayBytes = 0;
  let bytes = 0;

  function takeNext(frameWrites: number, frameBytes: number): Uint8Array | undefined {
    const next = writes[sent]?.bytes;
    if (next === undefined) return undefined;
    const fitsFrame = frameWrites === 0 || (frameWrites < frameWritesMax && frameBytes + next.length <= frameBytesMax);
    const fitsCall =
      sent === answered || (sent - answered < underWayMax && underWayBytes + next.length <= underWayBytesMax);
    if (!fitsFrame || !fitsCall) return undefined;
    sent += 1;
    underWayBytes += next.length;
    return next;
  }

  return {
    get isEmpty(): boolean {
      return answered === writes.length;
    },
    /** Whether all that was written has been sent. */
    get isSent(): boolean {
      return sent === writes.length;
    },
    /** Whether what is written now would be sent at once. */
    get hasRoom(): boolean {
      return writes.length - answered < underWayMax && bytes < underWayBytesMax;
    },
    add(write: Outgoing): void {
      writes.push(write);
      bytes += write.bytes.length;
    },
    /** As much of what waits as may be sent now, as one frame. Undefined: nothing. */
    takeFrame(): Buffer | undefined {
      const frame: Uint8Array[] = [];
      let frameBytes = 0;
      for (let next = takeNext(0, 0); next !== undefined; next = takeNext(frame.length, frameBytes)) {
        frame.push(next);
        frameBytes += next.length;
      }
      return frame.length === 0 ? undefined : Buffer.concat(frame, frameBytes);
    },
    /** Takes out the oldest write that was sent: it is answered. Undefined when there is none. */
    takeSent(): Outgoing | undefined {
      if (answered === sent) return undefined;
      const oldest = writes[answered];
      writes[answered] = undefined;
      answered += 1;
      bytes -= oldest?.bytes.length ?? 0;
      underWayBytes -= oldest?.bytes.length ?? 0;
      // Seldom, so that each write is moved about once.
      if (answered > underWayMax && answered > writes.length / 2) {
        writes = writes.slice(answered);
        sent -= answered;
        answered = 0;
      }
      return oldest;
    },
    /** The call broke: whatever is not answered waits again, in its order. */
    takeBack(): void {
      sent = answered;
      underWayBytes = 0;
    },
    /** Gives up on all that is not answered. */
    rejectAll(error: unknown): void {
      const given = writes.slice(answered);
      writes = [];
      answered = sent = underWayBytes = bytes = 0;
      for (const write of given) write?.reject(error);
    },
  };
}
