/** A store that is made out of another one's pieces is like it. */
import { expect, test } from "vitest";
import { TEAM_NUMBER } from "../src/registry/storage.js";
import type { LevelStorage } from "../src/storage/level.js";
import { openStorage } from "./support/level-storage.js";
import { keeperOf } from "./support/pieces.js";
import { stateOf } from "./support/pieces-state.js";
import {
  broadcast,
  Clock,
  create,
  createSocket,
  direct,
  draft,
  FOREVER,
  readAll,
  write,
} from "./support/storage-events.js";
import { tempDir } from "./support/temp-dir.js";

/** A store with some of everything. */
async function furnished(clock: Clock): Promise<LevelStorage> {
  const storage = await openStorage(tempDir(), { now: clock.now });
  const profile = { prompt: "be brief", context: Buffer.from("context") };
  const fields = { labels: { team: "x" }, config: { maxQueueSize: 7, overflowPolicy: "DROP_OLDEST" } } as const;
  storage.append({ kind: "create", draft: draft("a", fields), profile });
  const numbers = [2];
  for (const id of ["b", "c", "gone", "reset"]) numbers.push(await createSocket(storage, id));
  const [a = 0, b = 0, c = 0, gone = 0, reset = 0] = numbers;
  const away = draft("c", { state: "INACTIVE", stateReason: "OPERATOR", stateMessage: "back at 5" });
  storage.append({ kind: "change", what: "STATE_CHANGED", number: c, draft: away });
  for (let index = 1; index <= 12; index++) {
    clock.ms += 10;
    storage.append(direct(`a${index}`, a));
    storage.append(direct(`team ${index}`, TEAM_NUMBER));
    storage.append(broadcast(`all ${index}`, index % 3 === 0 ? [c] : [], index % 4 === 0 ? [TEAM_NUMBER] : []));
    storage.append(direct(`gone ${index}`, gone, reset));
  }
  storage.settle(a, [1, 2, 3]);
  storage.mark(a, [
    { sequence: 4, state: "HELD", failures: 2, deliveredMs: clock.ms, dueMs: clock.ms + 1_000 },
    { sequence: 6, state: "WAITING", failures: 1, deliveredMs: clock.ms, dueMs: clock.ms + 1_000 },
    { sequence: 5, state: "PARKED", failures: 3, deliveredMs: clock.ms, dueMs: clock.ms },
  ]);
  storage.drop(b, [1, 2], "EXPIRED");
  storage.drop(c, [1], "OVERFLOW");
  const { number: consumer } = storage.openConsumer("archive", 2);
  storage.mark(consumer, [{ sequence: 3, state: "WAITING", failures: 1, deliveredMs: 1, dueMs: 2 }]);
  storage.append({ kind: "delete", number: gone });
  storage.append({ kind: "reset", number: reset, draft: draft("reset"), queue: true, context: false });
  await write(storage, direct("after the reset", reset));
  return storage;
}

test("a restored store has every socket, and every message that was not settled, in order and with its attempts", async () => {
  const clock = new Clock();
  const storage = await furnished(clock);
  const keeper = await keeperOf(storage);
  const { log, ...restored } = await keeper.restore({ now: clock.now });
  expect(await stateOf(restored.storage)).toEqual(await stateOf(storage));
  expect(log.lines).toMatchObject([{ level: "info", text: "the log was restored", values: { socketCount: 4 } }]);
  expect(restored).toMatchObject({ socketCount: 4, revision: storage.revision, missing: [] });
});

test("a restored store goes on with new epochs, later revisions and higher numbers", async () => {
  const clock = new Clock();
  const storage = await furnished(clock);
  const keeper = await keeperOf(storage);
  const { storage: restored } = await keeper.restore({ now: clock.now });
  for (const row of storage.sockets()) {
    const after = restored.socket(row.number);
    expect(after?.epoch).not.toBe(row.epoch);
    expect(after?.changedRevision).toBeGreaterThan(storage.revision + 2 ** 28);
  }
  expect(restored.find("gone")).toBeUndefined();
  const highest = Math.max(...[...storage.sockets(), ...storage.consumers()].map(({ number }) => number));
  expect(await createSocket(restored, "new")).toBeGreaterThan(highest);
  expect(await restored.changes(storage.revision + 5, 10)).toBeUndefined();
  expect((await restored.changes(restored.historyFloor, 10))?.changes[0]?.kind).toBe("UPDATED");
  expect(restored.queue(2).dropped).toBe(0);
});

test("a restored store stays as it is when it is opened again, and can be replicated and restored itself", async () => {
  const storage = await furnished(new Clock());
  const keeper = await keeperOf(storage);
  const { storage: first, folder } = await keeper.restore();
  const epochs = [...first.sockets()].map(({ epoch }) => epoch);
  const state = await stateOf(first);
  await first.close();
  const second = await openStorage(folder);
  expect([...second.sockets()].map(({ epoch }) => epoch)).toEqual(epochs);
  expect(await stateOf(second)).toEqual(state);
  keeper.follow(second);
  keeper.sent.length = 0;
  await keeper.catchUp(second);
  // The log that is there is taken over as it is.
  expect(keeper.sent.filter((key) => key.startsWith("log-"))).toEqual([]);
  expect(await stateOf((await keeper.restore()).storage)).toEqual(state);
});

test("when everything of a restored store was read, its log is removed without a trace", async () => {
  const storage = await openStorage(tempDir());
  const number = await createSocket(storage, "a");
  for (let index = 0; index < 600; index++) storage.append(direct(`m${index}`, number));
  const keeper = await keeperOf(storage);
  const { storage: restored, folder } = await keeper.restore();
  const all = await readAll(restored, number);
  expect(all).toHaveLength(600);
  restored.settle(
    number,
    Array.from({ length: 600 }, (_, index) => index + 1),
  );
  await write(restored, create("b"), direct("last", number));
  await restored.retain({ ...FOREVER, messages: 0 });
  await restored.close();
  const reopened = await openStorage(folder);
  expect(await readAll(reopened, number)).toEqual(["601:last"]);
});
