/** A stream that goes on: when the server stops or the connection breaks, it waits, says so and opens the next one. */
import { againText, isUnavailable, pauseAfter } from "./retry.js";

export interface ReopenOptions<Frame> {
  /** Opens a stream, where the one before broke. */
  open: () => AsyncIterable<Frame>;
  /** Told of each frame before it is handed out: what the consumer does with it is not asked for a second time. */
  onFrame: (frame: Frame) => void;
  /** Whether there is nothing left to open a stream for. */
  isDone?: () => boolean;
  /** Whether a break is the end, after so many in a row without a frame between them. */
  isEnd: (failures: number, wasOpen: boolean) => boolean;
  /** Ends the pauses; the iteration then throws the signal's reason. */
  signal: AbortSignal;
  /** Called before each pause, with a sentence for people. */
  announce: (text: string) => void;
  /** What is done again, as `reading`. */
  doing: string;
}

/** The frames of one stream after another. Ends when a stream ends with OK, or with an error. */
export async function* reopen<Frame>(options: ReopenOptions<Frame>): AsyncGenerator<Frame, void, undefined> {
  const { signal, announce, doing } = options;
  let failures = 0;
  let wasOpen = false;
  for (;;) {
    try {
      for await (const frame of options.open()) {
        wasOpen = true;
        failures = 0;
        options.onFrame(frame);
        yield frame;
      }
      return;
    } catch (error) {
      if (options.isDone?.() === true) return;
      failures += 1;
      if (!isUnavailable(error) || options.isEnd(failures, wasOpen)) throw error;
      announce(againText(error, doing, failures));
    }
    await pauseAfter(failures, signal);
  }
}
