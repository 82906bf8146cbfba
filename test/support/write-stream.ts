/** A WriteStream as a test speaks to it: frames of writes of which only what matters is said, and results one by one. */
import { type CallOptions, type ClientDuplexStream, Metadata } from "@grpc/grpc-js";
import { expect } from "vitest";
import { Status } from "../../gen/ts/google/rpc/status.js";
import {
  AckMode,
  SocketRegistryService,
  WriteRequest,
  type WriteResponse,
  WriteStreamRequest,
  WriteStreamResponse,
  type WriteStreamResult,
} from "../../gen/ts/socketregistry/v1/socket_registry.js";
import { contentsOf, type Part, type Refusal, refusalIn, type Service } from "./client.js";
import { Following } from "./following.js";

/** One open WriteStream. */
export class WriteStream extends Following<WriteStreamResponse> {
  readonly #call: ClientDuplexStream<Buffer, WriteStreamResponse>;
  readonly #results: WriteStreamResult[] = [];

  private constructor(call: ClientDuplexStream<Buffer, WriteStreamResponse>) {
    super(call);
    this.#call = call;
  }

  static open({ client }: Service, options: CallOptions = {}): WriteStream {
    const { path } = SocketRegistryService.writeStream;
    const call = client.makeBidiStreamRequest(
      path,
      (bytes: Buffer) => bytes,
      (bytes) => WriteStreamResponse.decode(bytes),
      options,
    );
    return new WriteStream(call);
  }

  /** Sends one frame. */
  send(...writes: Part<WriteRequest>[]): void {
    void this.sendBytes(frameOf(...writes));
  }

  /** Sends a frame that is encoded already, or is none. Resolves when the transport has room for more. */
  sendBytes(frame: Buffer): Promise<void> {
    return new Promise((resolve) => void this.#call.write(frame, () => resolve()));
  }

  /** Ends the client's side: there is no more to write. */
  finish(): void {
    this.#call.end();
  }

  /** The next so many results, however they are framed. */
  async results(count: number): Promise<WriteStreamResult[]> {
    while (this.#results.length < count) this.#results.push(...(await this.frame()).results);
    return this.#results.splice(0, count);
  }

  /** The next so many answers, none of which may be a refusal. */
  async answers(count: number): Promise<WriteResponse[]> {
    return (await this.results(count)).map(answerIn);
  }

  /** Ends the client's side and gives all results up to an end with OK. */
  async rest(): Promise<WriteStreamResult[]> {
    this.finish();
    return [...this.#results.splice(0), ...(await this.frames()).flatMap(({ results }) => results)];
  }

  /** The results that still come, and the error that the stream ends with. */
  async broken(): Promise<{ results: WriteStreamResult[]; error: unknown }> {
    const results = this.#results.splice(0);
    try {
      for (;;) results.push(...(await this.frame()).results);
    } catch (error) {
      return { results, error };
    }
  }
}

/** Sends these writes in one frame of a stream of its own, and gives their results. */
export async function writeAtOnce(service: Service, ...writes: Part<WriteRequest>[]): Promise<WriteStreamResult[]> {
  const stream = WriteStream.open(service);
  stream.send(...writes);
  return await stream.rest();
}

/** One encoded frame. */
export function frameOf(...writes: Part<WriteRequest>[]): Buffer {
  const request = { writes: writes.map((write) => WriteRequest.fromPartial(write)) };
  return Buffer.from(WriteStreamRequest.encode(request).finish());
}

export function answerIn({ outcome }: WriteStreamResult): WriteResponse {
  return outcome?.$case === "response" ? outcome.value : expect.unreachable(`no answer, but ${outcome?.$case}`);
}

/** What a client learns from a result that is a refusal: the same as from a call that is refused. */
export function refusalOf({ outcome }: WriteStreamResult): Refusal {
  const status = outcome?.$case === "error" ? outcome.value : expect.unreachable(`no refusal, but ${outcome?.$case}`);
  const metadata = new Metadata();
  metadata.set("grpc-status-details-bin", Buffer.from(Status.encode(status).finish()));
  return refusalIn({ code: status.code, details: status.message, metadata });
}

/** What a queue has had from its beginning, settled or not, without taking anything. */
export async function everythingIn(service: Service, socketId: string): Promise<string[]> {
  return contentsOf(await service.drain(socketId, { ackMode: AckMode.ACK_MODE_NONE, after: { sequence: 0n } }));
}
