/** A Read whose client does not read what comes, as the server sees a client that hangs or is half gone. */
import type http2 from "node:http2";
import { onTestFinished } from "vitest";
import { ReadRequest, ReadResponse } from "../../gen/ts/socketregistry/v1/socket_registry.js";
import type { Part } from "./client.js";
import { framed, RawConnection, unframed } from "./frames.js";

/** More than the window of such a client, so that a message of this size cannot leave as a whole. */
export const STUCK_BYTES = 200_000;

export class StuckRead {
  readonly #stream: http2.ClientHttp2Stream;
  readonly #chunks: Buffer[] = [];
  /** The status of the stream's end, once the client has read that far; -1 before. */
  status = -1;

  constructor(address: string, request: Part<ReadRequest>) {
    const body = framed(ReadRequest.encode(ReadRequest.fromPartial(request)).finish());
    this.#stream = new RawConnection(address).open("Read", body);
    this.#stream.on("trailers", (headers) => {
      this.status = Number(headers["grpc-status"]);
    });
    onTestFinished(() => this.#stream.close());
  }

  /** Reads from now on, what is on its way and what comes. */
  readOn(): void {
    this.#stream.on("data", (chunk) => void this.#chunks.push(chunk));
  }

  /** The contents of the messages that came as a whole. */
  get contents(): string[] {
    const frames = unframed(Buffer.concat(this.#chunks)).map((frame) => ReadResponse.decode(frame));
    return frames.flatMap(({ messages }) => messages.map(({ content }) => content));
  }

  close(): void {
    this.#stream.close();
  }
}
