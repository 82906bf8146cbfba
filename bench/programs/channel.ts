/**
 * A gRPC client on nothing but node:http2, with bodies that were framed before. It costs a third of a grpc-js client,
 * which would be slower than the server it measures.
 */
import { type ClientHttp2Session, type ClientHttp2Stream, connect, type IncomingHttpHeaders } from "node:http2";
import { type Method, pathOf } from "../messages.js";

/** As a client library should set it; the default of 64 KiB makes every reader wait. */
const WINDOW_BYTES = 1024 * 1024;

export interface Duplex {
  write(body: Buffer): void;
  /** Resolves when the server has ended its side too. */
  end(): Promise<void>;
}

export class Channel {
  readonly #session: ClientHttp2Session;

  constructor(address: string) {
    this.#session = connect(`http://${address}`, { settings: { initialWindowSize: WINDOW_BYTES } });
    this.#session.once("connect", () => this.#session.setLocalWindowSize(WINDOW_BYTES));
  }

  /** One call. `done` gets the answer; a status other than OK ends the process, since nothing measured counts then. */
  start(method: Method, body: Buffer, done: (chunks: Buffer[]) => void): void {
    const chunks: Buffer[] = [];
    const stream = this.#request(method, body);
    stream.on("data", (chunk: Buffer) => void chunks.push(chunk));
    stream.on("end", () => done(chunks));
  }

  /** @returns the answer's message */
  async unary(method: Method, body: Buffer): Promise<Buffer> {
    const chunks = await new Promise<Buffer[]>((resolve) => this.start(method, body, resolve));
    return Buffer.concat(chunks).subarray(5);
  }

  /** Opens a stream. `arrived` gets whatever comes in, as it comes. Resolves at the end of the stream. */
  async stream(method: Method, body: Buffer, arrived: (chunk: Buffer) => void): Promise<void> {
    await this.#receive(this.#request(method, body), arrived).ended;
  }

  /** Opens a stream that lasts. Resolves when the server has it: it sends its headers at once. */
  async follow(method: Method, body: Buffer, arrived: (chunk: Buffer) => void): Promise<void> {
    await this.#receive(this.#request(method, body), arrived).opened;
  }

  /** Opens a stream in both directions. */
  duplex(method: Method, arrived: (chunk: Buffer) => void): Duplex {
    const stream = this.#request(method);
    const { ended } = this.#receive(stream, arrived);
    return {
      write: (body) => void stream.write(body),
      end: () => {
        stream.end();
        return ended;
      },
    };
  }

  close(): void {
    this.#session.destroy();
  }

  #receive(stream: ClientHttp2Stream, arrived: (chunk: Buffer) => void) {
    stream.on("data", arrived);
    const opened = new Promise<void>((resolve) => stream.once("response", () => resolve()));
    const ended = new Promise<void>((resolve) => stream.once("end", resolve));
    return { opened, ended };
  }

  /** Sends a call; its side stays open when there is no body yet. */
  #request(method: Method, body?: Buffer): ClientHttp2Stream {
    const stream = this.#session.request(
      { ":method": "POST", ":path": pathOf(method), "content-type": "application/grpc", te: "trailers" },
      { endStream: false },
    );
    stream.on("response", checkStatus);
    stream.on("trailers", checkStatus);
    if (body !== undefined) stream.end(body);
    return stream;
  }
}

/** The status comes in the trailers, or with the headers when there is nothing else. */
function checkStatus(headers: IncomingHttpHeaders): void {
  const status = headers["grpc-status"];
  if (status === undefined || status === "0") return;
  throw new Error(`a call ended with status ${status}: ${headers["grpc-message"]}`);
}
