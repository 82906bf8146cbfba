/** Clients that write, create, delete, reset and acknowledge until the server is gone, and keep an account of it. */
import { setTimeout as delay } from "node:timers/promises";
import {
  AckMode,
  AcknowledgeRequest,
  type AcknowledgeResponse,
  ResetScope,
} from "../../gen/ts/socketregistry/v1/socket_registry.js";
import { unary } from "./chaos-program.js";
import type { Random } from "./chaos-random.js";
import type { ReplicaAccount } from "./replica-account.js";
import type { ReplicaServer } from "./replica-server.js";
import { TEAM } from "./replica-state.js";

const SOCKETS = Array.from({ length: 24 }, (_, index) => `s${index}`);
const ACKNOWLEDGED = SOCKETS.slice(0, 4);
const RESET = SOCKETS.slice(4, 6);
/** Those who get every broadcast. */
export const TAKERS: readonly string[] = [...SOCKETS, TEAM];
const AUTHOR = "author";
const WRITERS = 6;
const SAMPLE_MS = 15;
const GUEST_MS = 60;
const RESET_MS = 300;
/** A guest stays until so many have come after it. */
const GUESTS_MAX = 8;

export class ReplicaCrowd {
  readonly #server: ReplicaServer;
  readonly #account: ReplicaAccount;
  readonly #random: Random;
  #isOver = false;
  #count = 0;

  constructor(server: ReplicaServer, account: ReplicaAccount, random: Random) {
    this.#server = server;
    this.#account = account;
    this.#random = random;
  }

  /** Makes the sockets that are there all the time, and waits until they are replicated. */
  async prepare(): Promise<void> {
    const { service } = this.#server;
    this.#account.instance = (await service.info()).epoch;
    for (const socketId of SOCKETS) {
      await service.create({ socketId, config: { maxQueueSize: 1_000_000 }, context: { of: socketId } });
    }
    const { revision } = await this.#server.status();
    while (this.#account.confirmed < revision) await this.#sample();
  }

  /** Everybody goes on until their calls fail. */
  async work(): Promise<void> {
    const writers = Array.from({ length: WRITERS }, () => this.#untilOver(() => this.#write()));
    await Promise.all([
      ...writers,
      ...ACKNOWLEDGED.map((socketId) => this.#acknowledge(socketId)),
      this.#untilOver(() => this.#sample()),
      this.#untilOver(() => this.#host()),
      this.#untilOver(() => this.#reset()),
    ]);
  }

  async #untilOver(act: () => Promise<unknown>): Promise<void> {
    while (!this.#isOver) if ((await act()) === undefined) this.#isOver = true;
  }

  async #write(socketId = this.#random.isOne(0.03) ? TEAM : this.#random.pick(SOCKETS)) {
    const number = this.#count++;
    const content = `message ${number} ${"x".repeat(this.#random.below(200))}`;
    const metadata = this.#random.isOne(0.3) ? { number, list: [null, "é"] } : {};
    return await this.#account.write({ content, socketId, metadata }, () =>
      this.#server.service.write({ socketId, sender: AUTHOR, message: content, metadata }),
    );
  }

  /** A guest comes and gets mail; one that came before goes. */
  async #host(): Promise<unknown> {
    const { service } = this.#server;
    const number = this.#account.guests.size;
    const socketId = `guest-${number}`;
    const context = { number, words: "x".repeat(number % 100) };
    const created = await this.#account.create(socketId, context, () => service.create({ socketId, context }));
    if (created === undefined || (await this.#write(socketId)) === undefined) return undefined;
    await delay(GUEST_MS);
    const before = `guest-${number - GUESTS_MAX}`;
    if (number < GUESTS_MAX || number % 3 === 0) return created;
    return await this.#account.delete(before, () => service.delete({ socketId: before }));
  }

  async #reset(): Promise<unknown> {
    await delay(RESET_MS);
    const socketId = this.#random.pick(RESET);
    const scope = ResetScope.RESET_SCOPE_QUEUE;
    return await this.#account.reset(socketId, () => this.#server.service.reset({ socketId, scope }));
  }

  /** Settles most of what comes, in no order. */
  async #acknowledge(socketId: string): Promise<void> {
    const { service } = this.#server;
    const reading = service.read({ socketId, ackMode: AckMode.ACK_MODE_EXPLICIT });
    await this.#untilOver(async () => {
      const messages = await reading.frame().then(
        (frame) => frame.messages.filter(() => this.#random.isOne(0.8)),
        () => undefined,
      );
      if (messages === undefined || messages.length === 0) return messages;
      const contents = messages.map(({ content }) => content);
      const sequences = messages.map(({ sequence }) => sequence).reverse();
      const request = AcknowledgeRequest.fromPartial({ socketId, sequences });
      return await this.#account.settle(socketId, contents, () =>
        unary<AcknowledgeResponse>((done) => service.client.acknowledge(request, done)),
      );
    });
  }

  /** Asks up to where the registry says that it is replicated. What it has, it had when it counted what is missing. */
  async #sample(): Promise<unknown> {
    const status = await this.#server.status().catch(() => undefined);
    if (status === undefined) return undefined;
    this.#account.confirm(status.revision - status.lagEntries);
    await delay(SAMPLE_MS);
    return status;
  }
}
