/**
 * A steady load on a registry: messages at a pace, broadcasts among them, readers that settle, sockets that come, change
 * and go. What is written is told apart by its content.
 */
import { setTimeout as delay } from "node:timers/promises";
import {
  AckMode,
  AcknowledgeRequest,
  type AcknowledgeResponse,
  ResetScope,
} from "../../gen/ts/socketregistry/v1/socket_registry.js";
import { unary } from "./chaos-program.js";
import { Random } from "./chaos-random.js";
import type { Reading, Service } from "./client.js";
import { TEAM } from "./replica-state.js";

const SOCKETS = Array.from({ length: 40 }, (_, index) => `s${index}`);
/** This one gets so many that its view cannot show them all. */
const HOT = "s39";
const READ = SOCKETS.slice(0, 6);
const ACKNOWLEDGED = SOCKETS.slice(6, 8);
const RESET = "s8";
/** It is away half of the time, so that nobody writes to it by name. */
const AWAY = "away";
const STEP_MS = 20;
const AT_ONCE_MAX = 10;
/** Every so many steps a socket comes and another goes. */
const CHANGE_STEPS = 20;

export class ReplicaLoad {
  /** How many writes were answered. */
  writeCount = 0;
  slowestMs = 0;
  /** The slowest call that asks only for what is in memory: how slow everything here is. */
  slowestLookMs = 0;
  /** What failed, and must not. */
  readonly failures: string[] = [];
  readonly #service: Service;
  readonly #perSecond: number;
  readonly #random: Random;
  readonly #readings: Reading[] = [];
  readonly #pending = new Set<Promise<void>>();
  #running: Promise<void> | undefined;
  #isStopping = false;
  #next = 0;

  constructor(service: Service, perSecond: number, seed: number) {
    this.#service = service;
    this.#perSecond = perSecond;
    this.#random = new Random(seed);
  }

  async start(): Promise<void> {
    const context = { team: "x", facts: [1, null, { é: "☃" }] };
    for (const [index, socketId] of [...SOCKETS, AWAY].entries()) {
      await this.#service.create({ socketId, model: `model-${index % 3}`, prompt: `you are ${socketId}`, context });
    }
    for (const socketId of READ) this.#read(socketId, AckMode.ACK_MODE_AUTO);
    for (const socketId of ACKNOWLEDGED) this.#read(socketId, AckMode.ACK_MODE_EXPLICIT);
    this.#running = this.#run();
  }

  /** Begins to count anew. */
  recount(): void {
    this.writeCount = 0;
    this.slowestMs = 0;
    this.slowestLookMs = 0;
  }

  /** Stops, and waits for what is under way. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    await this.#running;
    await Promise.all(this.#pending);
    for (const reading of this.#readings) reading.cancel();
  }

  async #run(): Promise<void> {
    let beforeMs = performance.now();
    for (let step = 0, due = 0; !this.#isStopping; step++) {
      const nowMs = performance.now();
      // What could not be written because nobody had time is not made up for at once: the pace is steady.
      due = Math.min(due + ((nowMs - beforeMs) / 1_000) * this.#perSecond, AT_ONCE_MAX);
      beforeMs = nowMs;
      for (; due >= 1; due--) this.#track(this.#write());
      if (step % CHANGE_STEPS === 0) this.#track(this.#change(step / CHANGE_STEPS));
      this.#track(this.#look());
      await delay(STEP_MS);
    }
  }

  async #write(): Promise<void> {
    const random = this.#random;
    const isBroadcast = random.isOne(0.01);
    const socketId = isBroadcast ? TEAM : random.isOne(0.2) ? HOT : random.pick(SOCKETS);
    const number = this.#next++;
    const sender = isBroadcast || random.isOne(0.7) ? "author" : "";
    const metadata = random.isOne(0.3) ? { number, list: [true, null, "x"] } : {};
    await this.#timed({ socketId, sender, message: `message ${number} ${"é".repeat(number % 200)}`, metadata });
  }

  async #look(): Promise<void> {
    const sinceMs = performance.now();
    await this.#service.info();
    this.slowestLookMs = Math.max(this.slowestLookMs, performance.now() - sinceMs);
  }

  async #timed(request: Parameters<Service["write"]>[0]): Promise<void> {
    const sinceMs = performance.now();
    await this.#service.write(request);
    this.slowestMs = Math.max(this.slowestMs, performance.now() - sinceMs);
    this.writeCount++;
  }

  /** One socket comes with some mail, and the one before it goes; another is told something new, and one is reset. */
  async #change(turn: number): Promise<void> {
    const socketId = `guest-${turn}`;
    await this.#service.create({ socketId, model: "guest", prompt: "p".repeat(turn % 50), context: { turn } });
    await this.#timed({ socketId, sender: "author", message: `welcome ${turn}` });
    if (turn % 3 !== 0) await this.#service.delete({ socketId });
    else if (turn >= 9) await this.#service.delete({ socketId: `guest-${turn - 9}` });
    await this.#service.update({ socketId: this.#random.pick(SOCKETS), context: { turn } }, "context");
    if (turn % 2 === 0) await this.#service.markInactive({ socketId: AWAY });
    else await this.#service.markActive({ socketId: AWAY });
    if (turn % 5 === 4) await this.#service.reset({ socketId: RESET, scope: ResetScope.RESET_SCOPE_QUEUE });
  }

  #read(socketId: string, ackMode: AckMode): void {
    const reading = this.#service.read({ socketId, ackMode });
    this.#readings.push(reading);
    void this.#take(socketId, reading, ackMode === AckMode.ACK_MODE_EXPLICIT).catch((error: unknown) => {
      if (!this.#isStopping) this.failures.push(`the Read of ${socketId}: ${error}`);
    });
  }

  /** Of what has to be acknowledged every second message is. */
  async #take(socketId: string, reading: Reading, isExplicit: boolean): Promise<void> {
    for (;;) {
      const { messages } = await reading.frame();
      const sequences = messages.map(({ sequence }) => sequence).filter((sequence) => sequence % 2n === 0n);
      if (!isExplicit || sequences.length === 0) continue;
      const request = AcknowledgeRequest.fromPartial({ socketId, sequences });
      await unary<AcknowledgeResponse>((done) => this.#service.client.acknowledge(request, done));
    }
  }

  #track(work: Promise<void>): void {
    const tracked = work
      .catch((error: unknown) => void this.failures.push(String(error)))
      .finally(() => this.#pending.delete(tracked));
    this.#pending.add(tracked);
  }
}
