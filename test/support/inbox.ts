/** A queue as the agent that works on it sees it: what an EXPLICIT Read delivers, and what becomes of it. */
import { expect } from "vitest";
import {
  AckMode,
  AcknowledgeRequest,
  type AcknowledgeResponse,
  type Message,
  type PeekRequest,
  type ReadRequest,
  RequeueRequest,
  type RequeueResponse,
  type SocketConfig,
} from "../../gen/ts/socketregistry/v1/socket_registry.js";
import type { Config } from "../../src/config.js";
import { contentsOf, type Part, type Reading, type Service, startService } from "./client.js";
import type { TestServer } from "./server.js";

/** What became of an Acknowledge. */
export interface Acknowledged {
  readonly count: number;
  readonly stale: readonly number[];
}

export class Inbox {
  readonly service: Service;
  readonly socketId: string;
  /** Empty: the queue's own deliveries. */
  readonly consumer: string;

  constructor(service: Service, socketId = "x", consumer = "") {
    this.service = service;
    this.socketId = socketId;
    this.consumer = consumer;
  }

  write(...messages: string[]): Promise<void> {
    return this.service.writeAll(this.socketId, ...messages);
  }

  /** An EXPLICIT Read that follows, unless told otherwise. */
  read(request: Part<ReadRequest> = {}): Reading {
    const { socketId, consumer } = this;
    return this.service.read({ socketId, consumer, ackMode: AckMode.ACK_MODE_EXPLICIT, ...request });
  }

  /** What an EXPLICIT Read with no_wait is given now. As it ends with OK, that keeps its deadline. */
  take(request: Part<ReadRequest> = {}): Promise<Message[]> {
    return this.read({ noWait: true, ...request }).rest();
  }

  /** The contents of what is given now to a reader that may have a hundred messages. */
  async takeAll(): Promise<string[]> {
    return contentsOf(await this.take({ maxOutstanding: 100 }));
  }

  /** A Read that has been delivered the first of these messages, and broke. */
  async breakAfter(count = 1): Promise<void> {
    const reading = this.read({ maxOutstanding: count });
    await reading.messages(count);
    const readers = (await this.service.socket(this.socketId)).readerCount;
    reading.cancel();
    await expect.poll(async () => (await this.service.socket(this.socketId)).readerCount).toBe(readers - 1);
  }

  async acknowledge(request: Part<AcknowledgeRequest>): Promise<Acknowledged> {
    const { acknowledgedCount, staleSequences } = await acknowledge(this.service, {
      socketId: this.socketId,
      consumer: this.consumer,
      ...request,
    });
    return { count: acknowledgedCount, stale: staleSequences.map(Number) };
  }

  ack(...sequences: (number | bigint)[]): Promise<Acknowledged> {
    return this.acknowledge({ sequences });
  }

  ackThrough(throughSequence: number | bigint): Promise<Acknowledged> {
    return this.acknowledge({ throughSequence });
  }

  /** Gives back what the streams of this name have, and whatever else the request says. @returns how much was released */
  async release(releaseReader: string, request: Part<AcknowledgeRequest> = {}): Promise<number> {
    const { socketId, consumer } = this;
    return (await acknowledge(this.service, { socketId, consumer, releaseReader, ...request })).releasedCount;
  }

  nack(...nackSequences: (number | bigint)[]): Promise<Acknowledged> {
    return this.acknowledge({ nackSequences });
  }

  nackFor(delayMs: number, ...nackSequences: (number | bigint)[]): Promise<Acknowledged> {
    return this.acknowledge({ nackSequences, retryDelay: ms(delayMs) });
  }

  /** Without a deadline it is the socket's own. */
  extend(deadlineMs: number | undefined, ...extendSequences: (number | bigint)[]): Promise<Acknowledged> {
    return this.acknowledge({ extendSequences, ackDeadline: deadlineMs === undefined ? undefined : ms(deadlineMs) });
  }

  /** Takes the oldest message and gives it back until it is parked. */
  async park(attempts: number): Promise<number> {
    let sequence = 0n;
    for (let attempt = 0; attempt < attempts; attempt++) {
      [sequence] = (await this.take()).map((message) => message.sequence) as [bigint];
      await this.nack(sequence);
    }
    return Number(sequence);
  }

  async requeue(...sequences: (number | bigint)[]): Promise<number> {
    return (await requeue(this.service, { socketId: this.socketId, consumer: this.consumer, sequences })).requeuedCount;
  }

  /** The contents of what waits or is in flight, or of what is parked. */
  async peek(request: Part<PeekRequest> = {}): Promise<string[]> {
    const { socketId, consumer } = this;
    return contentsOf((await this.service.peek({ socketId, consumer, ...request })).messages);
  }

  parked(): Promise<string[]> {
    return this.peek({ parked: true });
  }

  /** How many messages the socket holds, has handed out, and has parked. */
  async counts(): Promise<{ queue: number; inFlight: number; parked: number }> {
    const { queueSize, inFlightCount, parkedCount } = await this.service.socket(this.socketId);
    return { queue: queueSize, inFlight: inFlightCount, parked: parkedCount };
  }

  async epoch(): Promise<string> {
    return (await this.service.socket(this.socketId)).tail?.epoch ?? "";
  }
}

/** A server with one socket `x`, and its inbox. */
export async function startInbox(
  overrides: Partial<Config> = {},
  config: Part<SocketConfig> = {},
): Promise<Inbox & { readonly server: TestServer }> {
  const service = await startService(overrides);
  await service.create({ socketId: "x", config });
  return Object.assign(new Inbox(service), { server: service.server });
}

export function acknowledge(service: Service, request: Part<AcknowledgeRequest>): Promise<AcknowledgeResponse> {
  return new Promise((resolve, reject) => {
    service.client.acknowledge(AcknowledgeRequest.fromPartial(request), (error, response) =>
      error === null ? resolve(response) : reject(error),
    );
  });
}

export function requeue(service: Service, request: Part<RequeueRequest>): Promise<RequeueResponse> {
  return new Promise((resolve, reject) => {
    service.client.requeue(RequeueRequest.fromPartial(request), (error, response) =>
      error === null ? resolve(response) : reject(error),
    );
  });
}

/** Each message with the attempt at which it was delivered. */
export function attemptsOf(messages: readonly Message[]): [string, number][] {
  return messages.map(({ content, deliveryAttempt }) => [content, deliveryAttempt]);
}

/** So many milliseconds as a Duration. */
export function ms(count: number): { seconds: number; nanos: number } {
  return { seconds: Math.floor(count / 1_000), nanos: (count % 1_000) * 1_000_000 };
}

/** How long something takes, by a clock that never jumps. */
export async function took(wait: () => Promise<unknown>): Promise<number> {
  const startMs = performance.now();
  await wait();
  return performance.now() - startMs;
}
