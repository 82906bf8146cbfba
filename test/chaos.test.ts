/**
 * Real processes, and kill -9 of any of them at any time: twenty workers that acknowledge what they were given, five
 * writers that repeat what was not answered, and the server. When the dust has settled, every accepted message was
 * settled once, and whoever got one twice can tell why.
 */
import { randomInt } from "node:crypto";
import { expect, test, vi } from "vitest";
import {
  AckMode,
  type GetMessageResponse,
  type Message,
  MessageState,
} from "../gen/ts/socketregistry/v1/socket_registry.js";
import { Account, copyName } from "./support/chaos-account.js";
import { Crew, compileChaos } from "./support/chaos-crew.js";
import { unary } from "./support/chaos-program.js";
import { Random } from "./support/chaos-random.js";
import { connect, type Service } from "./support/client.js";
import { tempDir } from "./support/temp-dir.js";

const isLong = process.env["LONG"] === "1";
const durationMs = Number(process.env["CHAOS_MS"] ?? (isLong ? 600_000 : 20_000));
const seed = Number(process.env["SEED"] ?? randomInt(2 ** 31));
const team = "team-chat-all";
const ackDeadlineMs = 2_000;
const flags = [`--ack-deadline-ms=${ackDeadlineMs}`, "--return-grace-ms=400", "--max-delivery-attempts=0"];

/** Four sockets with three workers each, that compete, and eight with one: most of these work in order. */
const shared = ["pool-0", "pool-1", "pool-2", "pool-3"];
const own = Array.from({ length: 8 }, (_, index) => `own-${index}`);
const sockets = [...shared, ...own];
const workers = [
  ...shared.flatMap((socketId) => [1, 4, 32].map((maxOutstanding) => ({ socketId, maxOutstanding, isInOrder: false }))),
  ...own.map((socketId, index) => ({ socketId, maxOutstanding: index < 6 ? 1 : 8, isInOrder: index < 6 })),
].map((duty, index) => ({ ...duty, name: `worker-${index}`, ackDeadlineMs }));
const writers = Array.from({ length: 5 }, (_, index) => ({ name: `writer-${index}`, socketIds: sockets, team }));

const programs = compileChaos();

test(`every accepted message is settled once, whoever is killed: seed ${seed}`, {
  timeout: durationMs + 600_000,
}, async () => {
  const crew = new Crew(tempDir(), programs, flags, new Random(seed));
  await crew.startServer();
  const service = connect(crew.address);
  for (const socketId of sockets) await service.create({ socketId, config: { maxQueueSize: 1_000_000 } });
  for (const duty of workers) crew.addWorker(duty);
  for (const duty of writers) crew.addWriter(duty);
  await crew.atWork();
  await crew.killFor(durationMs);
  await crew.stop("writer");
  await untilEmpty(service);
  await crew.stop("worker");
  // What is told from here on is told by the disk.
  await crew.killServer();

  const account = new Account(crew, namesOf(workers), namesOf(writers));
  const queues = new Map<string, readonly Message[]>();
  for (const socketId of sockets) queues.set(socketId, await everything(service, socketId));
  expect(account.faults).toEqual([]);
  expect(Math.min(...Object.values(crew.kills), account.accepted.length, account.returned().length)).toBeGreaterThan(0);
  checkWritten(account, queues);
  await checkSettled(account, service);
  checkProcessed(account, queues);
  checkAgain(account);
  checkOrder(account);
  report(crew, account);
});

async function untilEmpty(service: Service): Promise<void> {
  await vi.waitFor(
    async () => {
      const { sockets: listed } = await service.list();
      for (const { socketId, queueSize } of listed) if (socketId !== team) expect(queueSize, socketId).toBe(0);
    },
    { timeout: 60_000 + durationMs / 2, interval: 100 },
  );
}

/** All that a queue has had, from its first message on. */
async function everything(service: Service, socketId: string): Promise<readonly Message[]> {
  return await service.drain(socketId, { ackMode: AckMode.ACK_MODE_NONE, after: { sequence: 0n } });
}

/** Every accepted message is in the log, every request_id is there once at most, and nothing else is. */
function checkWritten(account: Account, queues: ReadonlyMap<string, readonly Message[]>): void {
  for (const { key, messageIds } of account.accepted) expect(messageIds.size, `the messages of ${key}`).toBe(1);
  const ids = account.accepted.map(({ messageIds: [messageId] }) => messageId);
  expect(new Set(ids).size, "the ids of accepted messages").toBe(ids.length);
  for (const [socketId, messages] of queues) {
    const keys = new Set(messages.map(({ content }) => content));
    expect(messages.map(({ sequence }) => Number(sequence))).toEqual(messages.map((_, index) => index + 1));
    expect(keys.size, `keys of ${socketId}`).toBe(messages.length);
    const here = [...account.written.values()].filter((written) => [socketId, team].includes(written.socketId));
    const accepted = here.filter(({ messageIds }) => messageIds.size > 0);
    const unknown = here.filter(({ key, messageIds }) => messageIds.size === 0 && keys.has(key));
    for (const { key } of accepted) expect(keys.has(key), `${key} in ${socketId}`).toBe(true);
    expect(messages.length, `the tail of ${socketId}`).toBe(accepted.length + unknown.length);
  }
}

/** The receipts say that each copy was settled; an acknowledgement that settled it was answered once at most. */
async function checkSettled(account: Account, service: Service): Promise<void> {
  const accepted = account.accepted;
  for (let start = 0; start < accepted.length; start += 100) {
    await Promise.all(
      accepted.slice(start, start + 100).map(async ({ key, socketId, messageIds: [messageId = ""] }) => {
        const { message, receipts } = await unary<GetMessageResponse>((done) =>
          service.client.getMessage({ messageId, pageSize: 0, pageToken: "" }, done),
        );
        expect(message?.content).toBe(key);
        const states = Object.fromEntries(receipts.map((receipt) => [receipt.socketId, receipt.state]));
        const recipients = socketId === team ? sockets : [socketId];
        expect(states).toEqual(Object.fromEntries(recipients.map((id) => [id, MessageState.MESSAGE_STATE_SETTLED])));
      }),
    );
  }
  for (const [name, { settledMs }] of account.copies) expect(settledMs.length, name).toBeLessThanOrEqual(1);
  for (const { socketId, queueSize, inFlightCount, parkedCount, droppedCount } of (await service.list()).sockets) {
    if (socketId === team) continue;
    expect({ queueSize, inFlightCount, parkedCount, droppedCount }, socketId).toEqual({
      queueSize: 0,
      inFlightCount: 0,
      parkedCount: 0,
      droppedCount: 0n,
    });
  }
}

/** Everything in the queues was given to a worker, as it was written. */
function checkProcessed(account: Account, queues: ReadonlyMap<string, readonly Message[]>): void {
  for (const [socketId, messages] of queues) {
    for (const { sequence, messageId, content: key } of messages) {
      const name = copyName(socketId, Number(sequence));
      const deliveries = account.copies.get(name)?.deliveries ?? [];
      expect(deliveries.length, `${name} was processed`).toBeGreaterThan(0);
      for (const delivery of deliveries) expect(delivery, name).toMatchObject({ messageId, key });
    }
  }
}

/** What came again had failed, or its stream had broken; and nothing came again that was settled. */
function checkAgain(account: Account): void {
  for (const { copy, first, again } of account.returned()) {
    // A worker that the machine held up may note what it had got long before.
    const isReturned = account.brokeMs(first.stream) <= again.atMs || account.brokeMs(again.stream) <= first.atMs;
    expect(isReturned, `${copy} came again as attempt ${again.attempt}, on ${first.stream} and ${again.stream}`).toBe(
      true,
    );
  }
  for (const [name, { deliveries, nacks, settledMs }] of account.copies) {
    for (const { attempt, atMs, stream, key } of deliveries) {
      const writtenMs = account.written.get(key)?.atMs ?? 0;
      const failures = nacks + Math.floor((atMs - writtenMs) / ackDeadlineMs);
      expect(attempt - 1, `the failed attempts of ${name}`).toBeLessThanOrEqual(failures);
      for (const ms of settledMs) expect(account.openedMs(stream), `${name} was settled before`).toBeLessThan(ms);
    }
  }
}

/** Who works in order gets no older message after a newer one. */
function checkOrder(account: Account): void {
  const deliveries = [...account.copies.values()].flatMap((copy) => copy.deliveries);
  for (const { socketId } of workers.filter(({ isInOrder }) => isInOrder)) {
    const here = deliveries.filter((delivery) => delivery.socketId === socketId).sort((a, b) => a.atMs - b.atMs);
    const sequences = here.map(({ sequence }) => sequence);
    expect(sequences, socketId).toEqual([...sequences].sort((a, b) => a - b));
  }
}

function report(crew: Crew, account: Account): void {
  const deliveries = [...account.copies.values()].flatMap((copy) => copy.deliveries);
  const summary = {
    ...crew.kills,
    accepted: account.accepted.length,
    unknown: account.written.size - account.accepted.length,
    copies: account.copies.size,
    deliveries: deliveries.length,
    returned: account.returned().length,
    failedBefore: deliveries.filter(({ attempt }) => attempt > 1).length,
    repeatedAnswers: account.repeated,
  };
  process.stdout.write(`chaos: seed ${seed} ${JSON.stringify(summary)}\n`);
}

const namesOf = (members: readonly { readonly name: string }[]): string[] => members.map(({ name }) => name);
