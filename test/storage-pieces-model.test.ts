/**
 * A keeper of pieces that follows a store through random histories, with rounds that are cut off, closes and crashes. A
 * failure prints the seed and the shortest history that fails.
 */
import fc from "fast-check";
import { test } from "vitest";
import { type DropReason, type Mark, TEAM_NUMBER } from "../src/registry/storage.js";
import { ReplicatedHistory } from "./support/pieces-history.js";
import { broadcast, direct, draft, FOREVER } from "./support/storage-events.js";

const isLong = process.env["LONG"] === "1";

type World = ReplicatedHistory;
type Run = (world: World) => void | Promise<void>;

/** Sockets are chosen by a number that is taken modulo the sockets of the moment, the feed among them. */
const pick = fc.nat(1_000);
const chosen = ({ numbers }: World, choice: number): number => numbers[choice % numbers.length] ?? TEAM_NUMBER;
const allChosen = (world: World, choices: readonly number[]): number[] =>
  [...new Set(choices.map((choice) => chosen(world, choice)))].sort((a, b) => a - b);

function chosenSocket({ numbers }: World, choice: number): number | undefined {
  return numbers.slice(1)[choice % Math.max(1, numbers.length - 1)];
}

function chosenQueue({ storage, numbers }: World, choice: number): number {
  const all = [...numbers, ...[...storage.consumers()].map(({ number }) => number)];
  return all[choice % all.length] ?? TEAM_NUMBER;
}

const idOf = ({ storage }: World, number: number): string => storage.socket(number)?.socketId ?? "";

let bodies = 0;
const nextBody = (): string => `message ${bodies++}`;

/** A small one, or one that is larger than its page may hold. */
const contextOf = (choice: number): Buffer | undefined =>
  [undefined, Buffer.from(`context ${choice}`), Buffer.from(`${choice}`.padEnd(20_000, "x"))][choice % 3];

const state = fc.constantFrom<Mark["state"][]>("HELD", "LENT", "WAITING", "PARKED");
const reason = fc.constantFrom<DropReason[]>("OVERFLOW", "EXPIRED");

function step<const Values extends unknown[]>(
  name: string,
  weight: number,
  values: { [Index in keyof Values]: fc.Arbitrary<Values[Index]> },
  run: (world: World, ...values: Values) => void | Promise<void>,
): { weight: number; arbitrary: fc.Arbitrary<Run> } {
  const arbitrary = fc.tuple<Values>(...values).map((drawn) =>
    Object.assign((world: World) => run(world, ...drawn), {
      [fc.toStringMethod]: () => `${name}(${JSON.stringify(drawn).slice(1, -1)})`,
    }),
  );
  return { weight, arbitrary };
}

/** What may go on while pieces are under way. */
const busy: readonly ((world: World, choice: number) => void | Promise<void>)[] = [
  (world, choice) => world.append(direct(nextBody(), chosen(world, choice))),
  async (world, choice) => {
    const number = chosen(world, choice);
    world.storage.settle(number, [1, 2, 3]);
    await world.storage.durable();
  },
  async (world, choice) => {
    const number = chosenSocket(world, choice);
    if (number !== undefined) world.append({ kind: "delete", number });
    await world.storage.durable();
  },
  async (world, choice) => {
    const number = chosen(world, choice);
    world.append({ kind: "reset", number, draft: draft(idOf(world, number)), queue: true, context: true });
    await world.storage.durable();
  },
  ({ storage }) => storage.retain({ ...FOREVER, messages: 0 }).then(() => {}),
];

const steps = [
  step("direct", 8, [fc.array(pick, { maxLength: 3 })], (world, targets) =>
    world.append(direct(nextBody(), ...allChosen(world, targets))),
  ),
  step("broadcast", 6, [fc.array(pick, { maxLength: 3 })], (world, skipped) =>
    world.append(broadcast(nextBody(), allChosen(world, skipped))),
  ),
  step("burst", 2, [pick, fc.nat(300)], (world, choice, length) => {
    const number = chosen(world, choice);
    for (let index = 0; index < length; index++) world.append(direct(nextBody(), number));
  }),
  step("settle some", 8, [pick, fc.array(pick, { maxLength: 8 })], (world, choice, places) => {
    const number = chosenQueue(world, choice);
    const { tail } = world.storage.queue(number);
    world.storage.settle(
      number,
      places.map((place) => place % (tail + 1)),
    );
  }),
  step("settle the oldest", 5, [pick, pick], (world, choice, part) => {
    const number = chosenQueue(world, choice);
    const length = part % (world.storage.queue(number).tail + 1);
    world.storage.settle(
      number,
      Array.from({ length }, (_, index) => index + 1),
    );
  }),
  step("mark some", 6, [pick, fc.array(pick, { maxLength: 6 }), state], (world, choice, places, markState) => {
    const number = chosenQueue(world, choice);
    const { tail } = world.storage.queue(number);
    const mark = { state: markState, failures: places.length, deliveredMs: world.clock.ms, dueMs: 0 };
    const marks = places.map((place) => ({ ...mark, sequence: (place % Math.max(1, tail)) + 1 }));
    world.storage.mark(
      number,
      marks.filter(({ sequence }) => sequence <= tail),
    );
  }),
  step("drop", 2, [pick, pick, reason], (world, choice, place, why) => {
    const number = chosen(world, choice);
    world.storage.drop(number, [(place % (world.storage.queue(number).tail + 1)) + 1], why);
  }),
  step("create", 5, [pick], (world, choice) => {
    const socketId = `s${choice % 9}`;
    if (world.storage.find(socketId) !== undefined) return;
    world.append({
      kind: "create",
      draft: draft(socketId),
      profile: { prompt: `${choice}`, context: contextOf(choice) },
    });
  }),
  step("replace", 2, [pick], (world, choice) => {
    const number = chosenSocket(world, choice);
    if (number === undefined) return;
    const profile = { prompt: "new", context: contextOf(choice) };
    world.append({ kind: "create", draft: draft(idOf(world, number)), profile, replaces: number });
  }),
  step("delete", 2, [pick], (world, choice) => {
    const number = chosenSocket(world, choice);
    if (number !== undefined) world.append({ kind: "delete", number });
  }),
  step("reset", 2, [pick, fc.boolean(), fc.boolean()], (world, choice, queue, context) => {
    const number = chosen(world, choice);
    world.append({ kind: "reset", number, draft: draft(idOf(world, number)), queue, context });
  }),
  step("update", 3, [pick, pick], (world, choice, what) => {
    const number = chosen(world, choice);
    const profile = { context: { value: contextOf(what) } };
    world.append({ kind: "change", what: "UPDATED", number, draft: draft(idOf(world, number)), profile });
  }),
  step("open a consumer", 2, [fc.nat(2), pick], ({ storage }, name, after) => {
    storage.openConsumer(`c${name}`, after % (storage.queue(TEAM_NUMBER).tail + 1));
  }),
  step("close a consumer", 1, [pick], ({ storage }, choice) => {
    const consumers = [...storage.consumers()];
    const consumer = consumers[choice % Math.max(1, consumers.length)];
    if (consumer !== undefined) storage.closeConsumer(consumer.number);
  }),
  step("seen", 1, [pick], (world, choice) => world.storage.seen(chosen(world, choice), world.clock.ms)),
  step("retain", 3, [fc.constantFrom(0, 10, 1e15)], async ({ storage }, messages) => {
    await storage.retain({ ...FOREVER, messages });
  }),
  step("tick", 3, [fc.nat(100)], (world, ms) => world.tick(ms)),
  step("durable", 2, [], ({ storage }) => storage.durable()),
  step("round", 8, [], (world) => world.round(Number.POSITIVE_INFINITY)),
  step("busy round", 4, [fc.array(pick, { maxLength: 4 })], async (world, choices) => {
    let turn = 0;
    await world.round(Number.POSITIVE_INFINITY, async () => {
      const choice = choices[turn++ % Math.max(1, choices.length)];
      if (choice !== undefined) await busy[choice % busy.length]?.(world, choice);
    });
  }),
  step("part of a round", 6, [fc.nat(8)], (world, length) => world.round(length)),
  step("restart", 2, [fc.boolean()], (world, isCrash) => world.restart(isCrash)),
  step("check", 2, [], (world) => world.check()),
];

const history = fc.array(fc.oneof(...steps), { minLength: 5, maxLength: 60, size: "max" });

test("what a whole round confirmed is in the restored store, in order, and nothing is half there", {
  timeout: isLong ? 30 * 60_000 : 120_000,
}, async () => {
  const property = fc.asyncProperty(history, async (todo) => {
    const world = await ReplicatedHistory.open();
    try {
      for (const run of todo) await run(world);
      await world.check();
      await world.round(Number.POSITIVE_INFINITY);
      await world.check();
    } finally {
      await world.dispose();
    }
  });
  await fc.assert(property, { numRuns: isLong ? 2_000 : 50 });
});
