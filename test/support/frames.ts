/** gRPC by hand over HTTP/2, for what no generated client would send or leave unread. */
import { once } from "node:events";
import http2 from "node:http2";
import { Metadata, type ServiceError } from "@grpc/grpc-js";
import { onTestFinished } from "vitest";

/** What a call by hand ended with: the status, and the answer's bytes when there was one. */
export interface Outcome {
  /** As grpc-js's clients give it; its code is 0 for OK. */
  error: ServiceError;
  answer: Buffer;
}

export class RawConnection {
  readonly #session: http2.ClientHttp2Session;

  constructor(address: string) {
    this.#session = http2.connect(`http://${address}`).on("error", () => {});
    onTestFinished(() => this.#session.destroy());
  }

  /** Calls a method of the service with these bytes as its request's body, framing included. */
  async call(method: string, body: Buffer): Promise<Outcome> {
    const stream = this.open(method, body);
    const chunks: Buffer[] = [];
    let told: http2.IncomingHttpHeaders = {};
    stream.on("response", (headers) => {
      told = { ...told, ...headers };
    });
    stream.on("trailers", (headers) => {
      told = { ...told, ...headers };
    });
    stream.on("data", (chunk) => void chunks.push(chunk));
    await once(stream, "close");
    const metadata = new Metadata();
    const details = told["grpc-status-details-bin"];
    if (details !== undefined) metadata.set("grpc-status-details-bin", Buffer.from(String(details), "base64"));
    const text = decodeURIComponent(String(told["grpc-message"] ?? ""));
    const code = Number(told["grpc-status"] ?? Number.NaN);
    const error = Object.assign(new Error(text), { code, details: text, metadata });
    return { error, answer: Buffer.concat(chunks).subarray(5) };
  }

  /** Opens a call and reads nothing of what comes, so that the server meets a full window soon. */
  open(method: string, body: Buffer): http2.ClientHttp2Stream {
    const stream = this.#session.request({
      ":method": "POST",
      ":path": `/socketregistry.v1.SocketRegistry/${method}`,
      "content-type": "application/grpc",
      te: "trailers",
    });
    stream.on("error", () => {});
    stream.end(body);
    return stream;
  }
}

/** A message as gRPC frames it: a flag, the length, the bytes. */
export function framed(message: Uint8Array): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

/** The messages of the whole frames at the beginning of a stretch of bytes. */
export function unframed(bytes: Buffer): Buffer[] {
  const messages: Buffer[] = [];
  for (let place = 0; place + 5 <= bytes.length; ) {
    const end = place + 5 + bytes.readUInt32BE(place + 1);
    if (end > bytes.length) break;
    messages.push(bytes.subarray(place + 5, end));
    place = end;
  }
  return messages;
}
