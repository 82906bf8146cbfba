import { setImmediate } from "node:timers/promises";
import { expect } from "vitest";
import type { QueueView, Storage } from "../../src/registry/storage.js";
import { check } from "./model-check.js";
import type { Entry, ModelQueue } from "./model-queue.js";
import type { ModelReader } from "./model-reader.js";
import { WatchedStorage } from "./model-storage.js";
import type { ModelTeam } from "./model-team.js";
import type { Box } from "./team-model.js";

/**
 * The server is killed while calls are under way. Nobody knows what became of them until another server has started:
 * then each has happened or not, those that were answered have, and nothing was seen that is not there.
 *
 * @param make makes the calls, of which the first appends something
 */
export async function crash(
  team: ModelTeam,
  make: readonly (() => { readonly make: () => Promise<unknown>; readonly expected: () => unknown })[],
  turns: number,
  reopen: (storage: Storage) => Promise<Storage>,
): Promise<void> {
  const { model } = team;
  await team.rest();
  const { below } = team.storage;
  team.retries.forgetAged(below);
  await team.endStreams([...team.watches, ...team.asks]);
  team.ears.isDeaf = true;
  for (const reader of team.readers) reader.hold();
  // Whether the author of a repeated request has come back to life in time nobody can tell.
  const isAway = [...model.boxes.values()].some(({ reason }) => reason === "LEASE_EXPIRED");
  const calls = (isAway ? make.slice(0, 1) : make).map((prepare) => {
    const { make, expected } = prepare();
    const answers: unknown[] = [];
    const call = make();
    const missed = team.ears.missed();
    call.then(
      (answer) => answers.push(answer),
      (error) => answers.push(error.reason),
    );
    const outcome = (): unknown => {
      missed();
      return expected();
    };
    return { answers, expected: outcome };
  });
  for (let turn = 0; turn < turns; turn++) await setImmediate();
  team.storage.kill();
  const answered = calls.map(({ answers }) => answers.length > 0);
  const { readers } = team;
  const storage = await reopen(below);
  team.storage = new WatchedStorage(storage, team.ears);
  await team.endStreams(readers);
  await storage.durable();
  team.clock.forget();
  const isMade = storage.revision > model.revision;
  for (const [place, { answers, expected }] of calls.entries()) {
    if (!isMade) check(answered[place], false, "a call was answered and is forgotten");
    else if (answered[place]) check(answers[0], expected());
    else expected();
  }
  check(storage.revision, model.revision, "some calls of one batch have happened and others not");
  const handed = new Set(readers.flatMap((reader) => reader.hear()));
  for (const box of model.boxes.values()) {
    team.ears.name(box.socketId, storage);
    takeUp(team, box, "", handed, storage);
  }
  for (const name of model.consumers.keys()) takeUp(team, model.feed, name, handed, storage);
  model.restart();
  await team.goOn(storage, false);
}

/** What the store has of a queue may lag behind what was done last; but what was promised is there. */
function takeUp(team: ModelTeam, box: Box, consumer: string, handed: ReadonlySet<Entry>, storage: Storage): void {
  const number = consumer === "" ? storage.find(box.socketId)?.number : storage.consumer(consumer)?.number;
  const queue = consumer === "" ? box.queue : team.model.consumers.get(consumer)?.queue;
  if (number === undefined || queue === undefined) expect.unreachable(`the queue of ${box.socketId} is gone`);
  const view = storage.queue(number);
  check(view.tail, queue.entries.length, `how many messages ${box.socketId} got`);
  const readers = team.model.readersOf(box, consumer) as ModelReader[];
  for (const entry of queue.entries) {
    const isExpired = consumer === "" && team.model.isExpired(box, entry.timeMs);
    const isPassed = readers.some(({ request }) => entry.sender !== "" && request.excludeSender === entry.sender);
    const chances = { isHanded: handed.has(entry), isExpired, isPassed, isRead: readers.length > 0 };
    takeUpEntry(queue, entry, view, chances);
  }
  for (const reason of ["OVERFLOW", "EXPIRED"] as const) {
    const left = queue.dropped[reason] - queue.announced[reason];
    const told = queue.untold[reason];
    expect(told, "announced drops").toBeLessThanOrEqual(left);
    expect(view.unannounced(reason), "drops that nobody was told of").toBeGreaterThanOrEqual(left - told);
    queue.announced[reason] = queue.dropped[reason] - view.unannounced(reason);
    queue.untold[reason] = 0;
  }
}

interface Chances {
  readonly isHanded: boolean;
  readonly isExpired: boolean;
  /** Whether there is a reader that leaves it out. */
  readonly isPassed: boolean;
  readonly isRead: boolean;
}

function takeUpEntry(queue: ModelQueue, entry: Entry, view: QueueView, chances: Chances): void {
  const { sequence, state, failures } = entry;
  const told = `message ${sequence} (${state})`;
  const mark = view.marks.get(sequence);
  const isSettled = view.isSettled(sequence);
  if (state === "settled" || state === "dropped" || state === "expired") {
    if (isSettled) return;
    check(chances.isHanded, true, `${told} came back`);
    Object.assign(entry, { state: mark === undefined ? "fresh" : "again", deliveredMs: mark?.deliveredMs ?? 0 });
    return;
  }
  if (isSettled && chances.isPassed) {
    queue.settle(entry);
    return;
  }
  if (isSettled) {
    check(chances.isExpired, true, `${told} is gone`);
    queue.drop(entry, "EXPIRED");
    return;
  }
  const isOut = mark?.state === "HELD" || mark?.state === "LENT";
  if (state === "out") check(isOut, true, `${told} was in flight`);
  if (state === "parked") check(mark?.state, "PARKED", told);
  if (!isOut || mark === undefined) return;
  // Taken by a reader whom it did not reach any more.
  check(mark.failures, failures, `the failures of ${told}`);
  check(state === "out" || chances.isRead, true, `${told} is in flight to nobody`);
  const { deliveredMs, dueMs } = mark;
  const keptDueMs = dueMs === 0 ? Infinity : dueMs;
  Object.assign(entry, { state: "out", isLent: mark.state === "LENT", deliveredMs, keptDueMs, isUnsent: false });
}
