/** A WriteStream whose client takes none of its answers, until it is told to: HTTP/2 lets the server send it nothing. */
import http2 from "node:http2";
import { expect, onTestFinished } from "vitest";
import { WriteStreamResponse, type WriteStreamResult } from "../../gen/ts/socketregistry/v1/socket_registry.js";
import { framed, unframed } from "./frames.js";

/** The server takes no more when it answers so many other calls in a row and takes no byte meanwhile. */
const TURNS = 50;
/** The window that HTTP/2 has by default. */
const WINDOW_BYTES = 65_535;

export class UnreadStream {
  readonly #session: http2.ClientHttp2Session;
  readonly #stream: http2.ClientHttp2Stream;
  readonly #chunks: Buffer[] = [];

  constructor(address: string) {
    // What it sends may be more than Node lets a client have under way.
    const options = { settings: { initialWindowSize: 0 }, maxSessionMemory: 1_000 };
    this.#session = http2.connect(`http://${address}`, options).on("error", () => {});
    onTestFinished(() => this.#session.destroy());
    this.#stream = this.#session.request({
      ":method": "POST",
      ":path": "/socketregistry.v1.SocketRegistry/WriteStream",
      "content-type": "application/grpc",
      te: "trailers",
    });
    this.#stream.on("error", () => {}).on("data", (chunk) => void this.#chunks.push(chunk));
  }

  /**
   * Sends a frame, the next one, and so on, until the server takes no more though it answers other calls.
   * @returns how many it took as a whole
   */
  async sendUntilStuck(frame: () => Buffer, otherCall: () => Promise<unknown>): Promise<number> {
    for (let count = 0; ; count++) {
      let isTaken = false;
      this.#stream.write(framed(frame()), () => {
        isTaken = true;
      });
      for (let turn = 0, sent = -1; turn < TURNS && !isTaken; turn++) {
        await otherCall();
        if (sent !== this.#sentBytes) turn = 0;
        sent = this.#sentBytes;
      }
      expect(this.#stream.closed, "the server has ended the stream").toBe(false);
      if (!isTaken) return count;
    }
  }

  /** Reads from now on, ends its side, and gives all results. */
  async rest(): Promise<WriteStreamResult[]> {
    const end = new Promise((resolve) => void this.#stream.once("close", resolve));
    this.#session.settings({ initialWindowSize: WINDOW_BYTES });
    this.#stream.end();
    await end;
    return unframed(Buffer.concat(this.#chunks)).flatMap((bytes) => WriteStreamResponse.decode(bytes).results);
  }

  get #sentBytes(): number {
    return this.#session.socket?.bytesWritten ?? 0;
  }
}
