import { expect } from "vitest";
import { messageIdOf } from "../../src/registry/message.js";
import { check } from "./model-check.js";
import type { Letter } from "./model-letter.js";
import type { Entry, ModelQueue } from "./model-queue.js";
import type { ModelTeam } from "./model-team.js";
import { type Box, TEAM } from "./team-model.js";

const all = { pageSize: 1_000, pageToken: "" };

/** Compares everything that can be asked of a registry at rest with what its model says. */
export async function compare(team: ModelTeam): Promise<void> {
  const { model, registry } = team;
  for (const box of model.boxes.values()) await compareSocket(team, box);
  const { sockets, revision } = await registry.list({ ...all, states: [], labels: {}, model: "" });
  check(
    sockets.map(({ row }) => row.socketId),
    [...model.boxes.keys()],
  );
  check(revision, model.revision);
  const { storage } = team;
  check([...storage.below.consumers()].map(({ name }) => name).sort(), [...model.consumers.keys()].sort());
  for (const [name, { queue }] of model.consumers) await compareQueue(team, TEAM, name, queue);
  for (const letter of [...model.letters.values()].slice(-6)) await compareReceipts(team, letter);
}

async function compareSocket(team: ModelTeam, box: Box): Promise<void> {
  const { model, clock, registry } = team;
  const { socketId, queue } = box;
  const view = await registry.info(socketId);
  const consumers = socketId === TEAM ? [...model.consumers.keys()] : [];
  const isWorkedOn = socketId !== TEAM && model.isWorkedOn(box);
  const lastSeenMs = isWorkedOn ? clock.wallMs() : box.lastSeenMs;
  check(
    {
      ...{ state: view.row.state, reason: view.row.stateReason, changed: view.row.changedRevision },
      ...{ config: view.row.config, labels: view.row.labels, prompt: view.profile?.prompt },
      ...{ queueSize: view.queueSize, tail: view.tail, parkedCount: view.parkedCount },
      ...{ inFlightCount: view.inFlightCount, droppedCount: view.droppedCount, readerCount: view.readerCount },
      ...{ oldestUnsettledMs: view.oldestUnsettledMs, lastSeenMs: view.lastSeenMs ?? 0 },
      leaseExpireMs: box.state === "ACTIVE" ? view.leaseExpireMs : undefined,
    },
    {
      ...{ state: box.state, reason: box.reason, changed: box.changedRevision },
      ...{ config: box.config, labels: box.labels, prompt: box.prompt },
      ...{ queueSize: queue.unsettled.length, tail: queue.entries.length, parkedCount: queue.parked.length },
      ...{ inFlightCount: queue.inFlight.length, droppedCount: queue.droppedCount },
      readerCount: ["", ...consumers].reduce((sum, name) => sum + model.readersOf(box, name).length, 0),
      ...{ oldestUnsettledMs: queue.unsettled[0]?.timeMs, lastSeenMs },
      leaseExpireMs: leaseExpireMs(team, box, isWorkedOn),
    },
    socketId,
  );
  await compareQueue(team, socketId, "", queue);
}

function leaseExpireMs({ clock }: ModelTeam, box: Box, isWorkedOn: boolean): number | undefined {
  const { leaseDurationMs } = box.config;
  if (!leaseDurationMs || box.state !== "ACTIVE" || box.socketId === TEAM) return undefined;
  return clock.wallMs() + (isWorkedOn ? leaseDurationMs : box.leaseDueMs - clock.elapsedMs());
}

/** What waits, and what is parked, in order and with its content. */
async function compareQueue(team: ModelTeam, socketId: string, consumer: string, queue: ModelQueue): Promise<void> {
  for (const parked of [false, true]) {
    const { messages } = await team.registry.peek({ socketId, consumer, parked, ...all });
    const found = messages.map(({ sequence, body }) => ({ sequence, content: Buffer.from(body).toString() }));
    const expected = parked ? queue.parked : queue.unsettled;
    const contents = expected.map(({ sequence, content }) => ({ sequence, content }));
    check(found, contents, `${parked ? "parked" : "waiting"} for ${socketId} ${consumer}`);
  }
}

/** A message and what became of each of its copies. */
async function compareReceipts(team: ModelTeam, letter: Letter): Promise<void> {
  const messageId = messageIdOf(team.storage.below.instance, letter.revision);
  const call = team.registry.receipts({ messageId, ...all });
  // What no queue holds any more is erased sooner or later.
  const page = team.model.isKept(letter) ? await call : await call.catch(() => undefined);
  if (page === undefined) return;
  const receipts = page.receipts.map(({ socketId, fate, skipReason }) => {
    const { state = "SKIPPED", sequence = 0, attempt = 0 } = fate ?? {};
    return { socketId, state, sequence, attempt, skipReason, settledMs: fate?.settledMs ?? 0 };
  });
  check(receipts, expectedReceipts(team, letter), `receipts of message ${letter.revision}`);
}

function expectedReceipts({ model }: ModelTeam, letter: Letter): object[] {
  const { copies, skips, onFeed } = letter;
  const skipped = skips.map(({ box, reason }) => {
    return { box, receipt: { state: "SKIPPED", sequence: 0, attempt: 0, skipReason: reason, settledMs: 0 } };
  });
  const held = copies.map(({ box, queue, sequence }) => {
    const isThere = !box.isGone && box.queue === queue;
    return { box, receipt: receiptOf(isThere ? queue.entries[sequence - 1] : undefined) };
  });
  const listed = [...skipped, ...held].filter(({ box }) => !box.isGone || box.socketId === letter.recipient);
  listed.sort((a, b) => a.box.createdRevision - b.box.createdRevision);
  const receipts = listed.map(({ box, receipt }) => ({ socketId: box.socketId, ...receipt }));
  if (skipped.length + held.length > 0 || letter.everyone || onFeed === undefined) return receipts;
  const isThere = onFeed.queue === model.feed.queue;
  return [{ socketId: TEAM, ...receiptOf(isThere ? onFeed.queue.entries[onFeed.sequence - 1] : undefined) }];
}

function receiptOf(entry: Entry | undefined): object {
  const none = { skipReason: undefined, settledMs: 0 };
  if (entry === undefined) return { ...none, state: "DROPPED", sequence: 0, attempt: 0 };
  const { sequence, state, failures, deliveredMs, settledMs, settledAt } = entry;
  const waited = Math.max(failures, Math.sign(deliveredMs));
  switch (state) {
    case "fresh":
    case "claimed":
    case "again":
      return { ...none, state: "QUEUED", sequence, attempt: waited };
    case "out":
      return { ...none, state: "DELIVERED", sequence, attempt: failures + 1 };
    case "parked":
      return { ...none, state: "PARKED", sequence, attempt: failures, settledMs };
    case "settled":
      return { ...none, state: "SETTLED", sequence, attempt: settledAt ?? expect.any(Number), settledMs };
    case "dropped":
    case "expired":
      return { ...none, state: state.toUpperCase(), sequence, attempt: expect.any(Number), settledMs };
  }
}
