import { expect, test } from "vitest";
import { type Batch, GroupCommit } from "../src/storage/commit.js";
import { openStorage } from "./support/level-storage.js";
import { broadcast, createSocket, direct } from "./support/storage-events.js";
import { tempDir } from "./support/temp-dir.js";

/** A batch that is written when the test says so. */
class ManualBatch implements Batch {
  readonly keys: string[] = [];
  readonly options: { sync: boolean }[] = [];
  finish: (error?: unknown) => void = () => {};

  put(key: Buffer): void {
    this.keys.push(key.toString());
  }

  del(key: Buffer): void {
    this.keys.push(`-${key}`);
  }

  write(options: { sync: boolean }): Promise<void> {
    this.options.push(options);
    return new Promise((resolve, reject) => {
      this.finish = (error) => (error === undefined ? resolve() : reject(error));
    });
  }

  get isWriting(): boolean {
    return this.options.length > 0;
  }
}

function setUp(overrides: Partial<ConstructorParameters<typeof GroupCommit>[0]> = {}) {
  const batches: ManualBatch[] = [];
  const events: string[] = [];
  const commit = new GroupCommit({
    open: () => {
      const batch = new ManualBatch();
      batches.push(batch);
      return batch;
    },
    sync: true,
    prepare: (batch) => batch.put(Buffer.from("prepared"), Buffer.alloc(0)),
    committed: () => events.push("committed"),
    failed: (error) => events.push(`failed: ${error}`),
    ...overrides,
  });
  const add = (key: string): Promise<void> => {
    commit.batch().put(Buffer.from(key), Buffer.alloc(0));
    return commit.durable().then(
      () => void events.push(key),
      () => void events.push(`${key} refused`),
    );
  };
  return { batches, events, commit, add };
}

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

const unavailable = expect.objectContaining({ reason: "STORAGE_UNAVAILABLE" });

test("everything of one turn becomes one batch, which is written in the next turn and synced", async () => {
  const { batches, add, events } = setUp();
  const added = ["a", "b", "c"].map(add);
  await Promise.resolve();
  added.push(add("d"));
  expect(batches.map(({ isWriting }) => isWriting)).toEqual([false]);
  await nextTurn();
  expect(batches.map(({ keys, options }) => [keys, options])).toEqual([
    [["a", "b", "c", "d", "prepared"], [{ sync: true }]],
  ]);
  batches[0]?.finish();
  await Promise.all(added);
  expect(events).toEqual(["committed", "a", "b", "c", "d"]);
});

test("everything that arrives while a batch is written becomes exactly one more", async () => {
  const { batches, add, events } = setUp();
  const first = add("a");
  await nextTurn();
  const others = [];
  for (const key of ["b", "c", "d"]) {
    others.push(add(key));
    await nextTurn();
  }
  expect(batches.map(({ isWriting }) => isWriting)).toEqual([true, false]);
  batches[0]?.finish();
  await first;
  expect(events).toEqual(["committed", "a"]);
  await nextTurn();
  batches[1]?.finish();
  await Promise.all(others);
  expect(batches.map(({ keys }) => keys)).toEqual([
    ["a", "prepared"],
    ["b", "c", "d", "prepared"],
  ]);
  expect(events).toEqual(["committed", "a", "committed", "b", "c", "d"]);
});

test("what those write who were just answered shares a batch with what came before", async () => {
  const { batches, add } = setUp();
  const first = add("a").then(() => add("c"));
  await nextTurn();
  const second = add("b");
  batches[0]?.finish();
  await nextTurn();
  await nextTurn();
  batches[1]?.finish();
  await Promise.all([first, second]);
  expect(batches.map(({ keys }) => keys)).toEqual([
    ["a", "prepared"],
    ["b", "c", "prepared"],
  ]);
});

test("durable waits for what is under way when nothing is collected, and for nothing when nothing is", async () => {
  const { batches, add, commit } = setUp();
  await commit.durable();
  const first = add("a");
  await nextTurn();
  let isDurable = false;
  const waited = commit.durable().then(() => {
    isDurable = true;
  });
  await nextTurn();
  expect(isDurable).toBe(false);
  batches[0]?.finish();
  await Promise.all([first, waited]);
  await commit.durable();
  expect(batches).toHaveLength(1);
});

test("a batch can be asked for with nothing in it but what is prepared", async () => {
  const { batches, commit } = setUp();
  commit.touch();
  commit.touch();
  await nextTurn();
  batches[0]?.finish();
  await commit.durable();
  expect(batches.map(({ keys }) => keys)).toEqual([["prepared"]]);
});

test("a failed batch refuses those who wait for it and those who came later, and nothing is written after it", async () => {
  const { batches, add, commit, events } = setUp();
  const first = add("a");
  await nextTurn();
  const second = add("b");
  batches[0]?.finish("no space");
  await Promise.all([first, second]);
  expect(events).toEqual(["failed: no space", "a refused", "b refused"]);
  await nextTurn();
  expect(batches.map(({ isWriting }) => isWriting)).toEqual([true, false]);
  expect(() => commit.batch()).toThrow(unavailable);
  expect(() => commit.touch()).toThrow(unavailable);
  await expect(commit.durable()).rejects.toEqual(unavailable);
});

test("a batch of which the owner cannot take note counts as failed", async () => {
  const { batches, add, events } = setUp({
    committed: () => {
      throw "no note";
    },
  });
  const first = add("a");
  await nextTurn();
  batches[0]?.finish();
  await first;
  expect(events).toEqual(["failed: no note", "a refused"]);
});

test("a batch that cannot be prepared counts as failed", async () => {
  const { add, events, batches } = setUp({
    prepare: () => {
      throw "no cursor";
    },
  });
  await add("a");
  expect(events).toEqual(["failed: no cursor", "a refused"]);
  expect(batches[0]?.isWriting).toBe(false);
});

test("the store answers all writes of one turn with one batch, and in the order of their revisions", async () => {
  const storage = await openStorage(tempDir());
  const number = await createSocket(storage, "a");
  const turn = [
    storage.append(direct("1", number)),
    storage.append(broadcast("2")),
    storage.append(direct("3", number)),
  ];
  const first = storage.durable();
  await nextTurn();
  const later = storage.append(direct("4", number));
  const second = storage.durable();
  await first;
  expect(storage.durableRevision).toBe(turn.at(-1)?.revision);
  await second;
  expect(storage.durableRevision).toBe(later.revision);
});
