import { type Config, configWith, limitsOf } from "../../src/config.js";
import { RegistryError } from "../../src/registry/errors.js";
import type { Frame } from "../../src/registry/frames.js";
import type { ReadRequest } from "../../src/registry/read-request.js";
import { type CreateRequest, Registry } from "../../src/registry/registry.js";
import type { Storage, Stored } from "../../src/registry/storage.js";
import { MemoryStorage } from "./memory-storage.js";

/** The registry on the storage in memory, called with what matters and no more. */
export class Rules {
  readonly memory = new MemoryStorage();
  readonly registry: Registry;

  /** @param faults what the storage does otherwise than it should */
  constructor(overrides: Partial<Config> = {}, faults: (memory: MemoryStorage) => Partial<Storage> = () => ({})) {
    const faulty = faults(this.memory);
    const storage: Storage = new Proxy(this.memory, {
      get(target, name: keyof Storage) {
        const found = faulty[name] ?? target[name];
        return typeof found === "function" ? found.bind(target) : found;
      },
    });
    this.registry = new Registry(storage, limitsOf(configWith(overrides)));
  }

  async create(socketId: string, request: Partial<CreateRequest> = {}) {
    const profile = { prompt: "", context: undefined };
    return await this.registry.create({
      ...{ socketId, model: "m", profile, labels: {}, config: {}, onConflict: "FAIL", retry: undefined },
      ...request,
    });
  }

  write(socketId: string, content: string, sender = "someone") {
    return this.registry.write({
      ...{ socketId, sender, includeSender: false, body: Buffer.from(content) },
      ...{ matchLabels: {}, replyTo: "", isQuestion: false, retry: undefined },
    });
  }

  async writeAll(socketId: string, ...contents: string[]): Promise<void> {
    await Promise.all(contents.map((content) => this.write(socketId, content)));
  }

  read(socketId: string, request: Partial<ReadRequest> = {}): Reading {
    return new Reading(this.registry, {
      ...{ socketId, ackMode: "AUTO", noWait: false, maxMessages: 0, consumer: "", exclusive: false },
      ...{ maxOutstanding: 0, maxOutstandingBytes: 0, reader: "" },
      ...{ after: undefined, heartbeatMs: undefined, excludeSender: "", ...request },
    });
  }

  /** What a Read that does not wait is handed. */
  async drain(socketId: string, request: Partial<ReadRequest> = {}): Promise<string[]> {
    const reading = this.read(socketId, { noWait: true, ...request });
    const contents: string[] = [];
    for (let frame = await reading.next(); frame !== undefined; frame = await reading.next()) {
      contents.push(...contentsOf(frame));
    }
    return contents;
  }

  async counts(socketId: string) {
    const { queueSize, inFlightCount, readerCount } = await this.registry.info(socketId);
    return { queueSize, inFlightCount, readerCount };
  }
}

/** One Read, frame by frame. */
export class Reading {
  readonly frames: AsyncGenerator<Frame, void, undefined>;
  readonly #abort = new AbortController();

  constructor(registry: Registry, request: ReadRequest) {
    this.frames = registry.read(request, this.#abort);
  }

  /** Says that the frame before is with the transport, and waits for the next one; undefined at the end. */
  async next(): Promise<Frame | undefined> {
    const next = await this.frames.next();
    return next.done === true ? undefined : next.value;
  }

  /** The contents of the next frame, or what it says when it holds none. */
  async told(): Promise<string[] | string | undefined> {
    const frame = await this.next();
    if (frame === undefined || frame.messages.length > 0) return frame && contentsOf(frame);
    return frame.gapReason === undefined ? frame.event : `${frame.gapReason} ${frame.droppedCount}`;
  }

  abort(reason: unknown): void {
    this.#abort.abort(reason);
  }
}

export function contentsOf({ messages }: { readonly messages: readonly Stored[] }): string[] {
  return messages.map(({ body }) => Buffer.from(body).toString());
}

/** The reason of a refusal. It fails when the call is answered. */
export async function reasonOf(call: Promise<unknown>): Promise<string> {
  return await call.then(
    (answer) => Promise.reject(new Error(`it was answered: ${JSON.stringify(answer)}`)),
    (error: unknown) => (error instanceof RegistryError ? error.reason : Promise.reject(error)),
  );
}

/** Whether a promise is settled once everything that can happen by itself has happened. */
export async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  let settled = false;
  const settle = (): void => {
    settled = true;
  };
  promise.then(settle, settle);
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
  return settled;
}
