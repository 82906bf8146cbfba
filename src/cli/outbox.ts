/**
 * Lines on their way: read, put into frames and handed to the stream of the moment, and kept until they are answered,
 * so that the next stream can have them once more. It bounds what is under way and knows nothing of calls.
 */
import { WriteRequest } from "../../gen/ts/socketregistry/v1/socket_registry.js";
import type { WriteOutcome } from "./client.js";
import { CallError } from "./failure.js";

/** What a frame holds at most, but always one line. */
const frameWritesMax = 1_000;
const frameBytesMax = 256 * 1024;
/** What is under way at most, but always one frame. */
const unansweredWritesMax = 4_096;
const unansweredBytesMax = 4 * 1024 * 1024;
/** What a line adds to its request besides its own bytes: tags, lengths, its number, at most. */
const lineOverheadBytes = 32;

export interface OutboxOptions {
  /** The lines of stdin; a group is what was read at once. */
  groups: AsyncIterable<readonly string[]>;
  /** What the messages have in common. The request id of line N is this one's, a hyphen and N. */
  request: WriteRequest;
}

/** Where frames go. */
export interface Sink {
  send(requests: WriteRequest[]): void;
  /** Nothing follows. */
  end(): void;
}

export type Outbox = ReturnType<typeof createOutbox>;

interface Write {
  request: WriteRequest;
  bytes: number;
}

/** Begins to read at once. */
export function createOutbox({ groups, request }: OutboxOptions) {
  const sharedBytes = WriteRequest.encode(request).finish().byteLength + lineOverheadBytes;
  const unanswered: Write[] = [];
  let unansweredBytes = 0;
  let lineCount = 0;
  let sink: Sink | undefined;
  let isClosed = false;
  let isRefused = false;
  let fault: { error: unknown } | undefined;
  let waiters: (() => void)[] = [];

  /** Resolves at the next change that somebody could wait for. */
  function changed(): Promise<void> {
    return new Promise((resolve) => void waiters.push(resolve));
  }

  function tell(): void {
    const told = waiters;
    waiters = [];
    for (const waiter of told) waiter();
  }

  function writeOf(message: string): Write {
    lineCount += 1;
    const requestId = `${request.requestId}-${lineCount}`;
    return { request: { ...request, message, requestId }, bytes: sharedBytes + Buffer.byteLength(message) };
  }

  function hasRoom({ length }: readonly Write[], bytes: number): boolean {
    if (unanswered.length === 0) return true;
    return unanswered.length + length <= unansweredWritesMax && unansweredBytes + bytes <= unansweredBytesMax;
  }

  function post(frame: readonly Write[]): void {
    sink?.send(frame.map(({ request }) => request));
  }

  async function fill(): Promise<void> {
    for await (const lines of groups) {
      for (const frame of framesOf(lines.map(writeOf))) {
        const bytes = bytesOf(frame);
        while (!isClosed && !hasRoom(frame, bytes)) await changed();
        if (isClosed) return;
        unanswered.push(...frame);
        unansweredBytes += bytes;
        post(frame);
        tell();
      }
    }
  }

  function close(): void {
    if (isClosed) return;
    isClosed = true;
    sink?.end();
    tell();
  }

  fill().then(close, (error: unknown) => {
    fault = { error };
    close();
  });

  return {
    /** Takes no further line, whatever is still to be read. */
    close,
    /** From now on frames go there, what is not answered first. */
    attach(next: Sink): void {
      sink = next;
      for (const frame of framesOf(unanswered)) post(frame);
      if (isClosed) sink.end();
    },
    detach(): void {
      sink = undefined;
    },
    /** Takes the outcomes of the oldest lines. A refusal is the end: no further line is taken. */
    settle(outcomes: readonly WriteOutcome[]): void {
      unansweredBytes -= bytesOf(unanswered.splice(0, outcomes.length));
      if (outcomes.some((outcome) => outcome instanceof CallError)) {
        isRefused = true;
        close();
      }
      tell();
    },
    /** Whether there is nothing to wait for but stdin. */
    isIdle: () => !isClosed && unanswered.length === 0,
    unansweredCount: () => unanswered.length,
    /** Whether no stream is needed any more. */
    isDone: () => isRefused || (isClosed && unanswered.length === 0),
    /** Waits until there is something to send, or until it is certain that there is not. */
    async hasWork(): Promise<boolean> {
      while (!isClosed && unanswered.length === 0) await changed();
      return !isRefused && unanswered.length > 0;
    },
    /** Throws what ended the reading, unless it was the end of stdin. */
    throwIfCutShort(): void {
      if (fault !== undefined && !isRefused) throw fault.error;
    },
  };
}

function bytesOf(writes: readonly Write[]): number {
  return writes.reduce((sum, { bytes }) => sum + bytes, 0);
}

/** As few frames as hold the writes. */
function* framesOf(writes: readonly Write[]): Generator<Write[], void, undefined> {
  let frame: Write[] = [];
  let frameBytes = 0;
  for (const write of writes) {
    if (frame.length === frameWritesMax || (frame.length > 0 && frameBytes + write.bytes > frameBytesMax)) {
      yield frame;
      frame = [];
      frameBytes = 0;
    }
    frame.push(write);
    frameBytes += write.bytes;
  }
  if (frame.length > 0) yield frame;
}
