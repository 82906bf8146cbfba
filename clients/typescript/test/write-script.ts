/** A server of which each WriteStream does as the test says, so that what the client sends can be counted. */
import { type status as codes, Server, ServerCredentials, type ServerDuplexStream } from "@grpc/grpc-js";
import { onTestFinished } from "vitest";
import {
  SocketRegistryService,
  type WriteRequest,
  type WriteStreamRequest,
  WriteStreamResponse,
} from "../src/index.js";
import { until } from "./opened.js";

type Call = ServerDuplexStream<WriteStreamRequest, WriteStreamResponse>;

/** One WriteStream as the server sees it. It ends when the client has ended its side and everything is answered. */
export class ScriptedCall {
  /** The writes of each frame that has come. */
  readonly frames: WriteRequest[][] = [];
  isCancelled = false;
  readonly #call: Call;
  #hasEnded = false;
  #answered = 0;

  constructor(call: Call) {
    this.#call = call;
    call.sendMetadata(call.metadata.clone());
    call.on("data", ({ writes }: WriteStreamRequest) => void this.frames.push(writes));
    call.on("end", () => {
      this.#hasEnded = true;
      this.#endWhenAnswered();
    });
    call.on("cancelled", () => {
      this.isCancelled = true;
    });
  }

  get texts(): string[] {
    return this.frames.flat().map(({ message }) => message);
  }

  get sizes(): number[] {
    return this.frames.map(({ length }) => length);
  }

  /** Resolves when so many writes have come. */
  async got(count: number): Promise<void> {
    await until(() => {
      const { length } = this.frames.flat();
      if (length < count) throw new Error(`only ${length} writes have come, and not ${count}`);
    });
  }

  /** Answers as many writes, the ids of whose messages begin with this. */
  answer(count: number, name = "m"): void {
    const value = (index: number) => ({ messageId: `${name}${index}` });
    this.send(Array.from({ length: count }, (_, index) => ({ outcome: { $case: "response", value: value(index) } })));
  }

  /** Answers one write with an error. */
  refuse(code: codes, message: string): void {
    this.send([{ outcome: { $case: "error", value: { code, message, details: [] } } }]);
  }

  send(results: Parameters<typeof WriteStreamResponse.fromPartial>[0]["results"] & {}): void {
    this.#call.write(WriteStreamResponse.fromPartial({ results }));
    this.#answered += results.length;
    this.#endWhenAnswered();
  }

  fail(code: codes, details = "as the test wants it"): void {
    this.#call.emit("error", { code, details });
  }

  #endWhenAnswered(): void {
    if (this.#hasEnded && this.#answered === this.frames.flat().length) this.#call.end();
  }
}

/** Gives the address, and each call as it comes. */
export async function serveWrites() {
  const calls: ScriptedCall[] = [];
  const server = new Server();
  const { writeStream } = SocketRegistryService;
  server.addService({ writeStream }, { writeStream: (call: Call) => void calls.push(new ScriptedCall(call)) });
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) => {
      if (error === null) resolve(bound);
      else reject(error);
    });
  });
  onTestFinished(() => server.forceShutdown());
  return {
    address: `127.0.0.1:${port}`,
    calls,
    /** The call of this number, from 0, when it is there. */
    async call(index: number): Promise<ScriptedCall> {
      await until(() => {
        if (calls[index] === undefined) throw new Error(`there are ${calls.length} calls`);
      });
      return calls[index] as ScriptedCall;
    },
  };
}
