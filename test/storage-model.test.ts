/**
 * The store on LevelDB against the naive one in memory: random histories, with restarts of every kind. A failure prints
 * the seed and the shortest history that fails.
 */
import fc from "fast-check";
import { test } from "vitest";
import { type DropReason, type Mark, TEAM_NUMBER } from "../src/registry/storage.js";
import { broadcast, create, direct, draft, FOREVER } from "./support/storage-events.js";
import { type Restart, StoragePair } from "./support/storage-pair.js";

const isLong = process.env["LONG"] === "1";

/** A step of a history, printed with its values when it fails. */
class Step<Values extends unknown[] = unknown[]> {
  readonly #name: string;
  readonly #values: Values;
  readonly #run: (pair: StoragePair, ...values: Values) => void | Promise<void>;

  constructor(name: string, values: Values, run: (pair: StoragePair, ...values: Values) => void | Promise<void>) {
    this.#name = name;
    this.#values = values;
    this.#run = run;
  }

  run(pair: StoragePair): void | Promise<void> {
    return this.#run(pair, ...this.#values);
  }

  [fc.toStringMethod](): string {
    return `${this.#name}(${JSON.stringify(this.#values).slice(1, -1)})`;
  }
}

/** Sockets are chosen by a number that is taken modulo the sockets of the moment, the feed among them. */
const pick = fc.nat(1_000);
const picks = fc.array(pick, { maxLength: 3 });

function chosen(pair: StoragePair, choice: number): number {
  return pair.numbers[choice % pair.numbers.length] ?? TEAM_NUMBER;
}

function allChosen(pair: StoragePair, choices: readonly number[]): number[] {
  return [...new Set(choices.map((choice) => chosen(pair, choice)))].sort((a, b) => a - b);
}

/** Any socket but the feed; undefined when there is none. */
function chosenSocket(pair: StoragePair, choice: number): number | undefined {
  const sockets = pair.numbers.slice(1);
  return sockets[choice % Math.max(1, sockets.length)];
}

function idOf(pair: StoragePair, number: number): string {
  return pair.socketIds[pair.numbers.indexOf(number)] ?? "";
}

const profileChange = fc.record(
  {
    prompt: fc.constantFrom("", "new"),
    context: fc.record({ value: fc.constantFrom(undefined, Buffer.from("new")) }),
  },
  { requiredKeys: [] },
);

let bodies = 0;
const nextBody = (): string => `message ${bodies++}`;

/** A message of any queue, or the place right behind the last one. */
function placesIn(pair: StoragePair, number: number, places: readonly number[]): number[] {
  return places.map((place) => place % (pair.tail(number) + 2));
}

/** The queue of a socket or of a consumer. */
function chosenQueue(pair: StoragePair, choice: number): number {
  return pair.queueNumbers[choice % pair.queueNumbers.length] ?? TEAM_NUMBER;
}

const reason = fc.constantFrom<DropReason[]>("OVERFLOW", "EXPIRED");
const markState = fc.constantFrom<Mark["state"][]>("HELD", "LENT", "WAITING", "PARKED");

const oldestFew = (length: number): number[] => Array.from({ length }, (_, index) => index + 1);

/** Every kind of step: its name, its weight, its values, what it does. */
function step<const Values extends unknown[]>(
  name: string,
  weight: number,
  values: { [Index in keyof Values]: fc.Arbitrary<Values[Index]> },
  run: (pair: StoragePair, ...values: Values) => void | Promise<void>,
): { weight: number; arbitrary: fc.Arbitrary<{ run(pair: StoragePair): void | Promise<void> }> } {
  return { weight, arbitrary: fc.tuple<Values>(...values).map((drawn) => new Step(name, drawn, run)) };
}

const steps = [
  step("direct", 8, [picks], (pair, targets) => pair.append(direct(nextBody(), ...allChosen(pair, targets)))),
  step("broadcast", 8, [picks, picks], (pair, skipped, targets) =>
    pair.append(broadcast(nextBody(), allChosen(pair, skipped), allChosen(pair, targets))),
  ),
  // Enough for several blocks of the table of entries.
  step("burst", 1, [pick, fc.nat(300), fc.boolean()], (pair, choice, length, isBroadcast) => {
    const number = chosen(pair, choice);
    for (let index = 0; index < length; index++) {
      pair.append(isBroadcast ? broadcast(nextBody()) : direct(nextBody(), number));
    }
  }),
  step("settle some", 8, [pick, fc.array(pick, { maxLength: 8 })], (pair, choice, places) => {
    const number = chosenQueue(pair, choice);
    pair.settle(number, placesIn(pair, number, places));
  }),
  step("settle the oldest", 4, [pick, pick], (pair, choice, part) => {
    const number = chosenQueue(pair, choice);
    pair.settle(number, oldestFew(part % (pair.tail(number) + 1)));
  }),
  step("mark some", 8, [pick, fc.array(pick, { maxLength: 6 }), markState], (pair, choice, places, state) => {
    const number = chosenQueue(pair, choice);
    const mark = { state, failures: places.length, deliveredMs: pair.clock.ms, dueMs: pair.clock.ms + 5 };
    pair.mark(
      number,
      placesIn(pair, number, places).map((sequence) => ({ sequence, ...mark })),
    );
  }),
  step("mark the oldest", 4, [pick, pick, markState], (pair, choice, part, state) => {
    const number = chosenQueue(pair, choice);
    const mark = { state, failures: 1, deliveredMs: 0, dueMs: 0 };
    pair.mark(
      number,
      oldestFew(part % (pair.tail(number) + 1)).map((sequence) => ({ sequence, ...mark })),
    );
  }),
  step("drop", 3, [pick, fc.array(pick, { maxLength: 8 }), reason], (pair, choice, places, why) => {
    const number = chosen(pair, choice);
    pair.drop(number, placesIn(pair, number, places), why);
  }),
  step("announce drops", 1, [pick, reason, fc.nat(4)], (pair, choice, why, count) => {
    pair.announceDrops(chosen(pair, choice), why, count);
  }),
  step("seen", 1, [pick], (pair, choice) => pair.seen(chosenQueue(pair, choice))),
  step("open a consumer", 3, [fc.nat(3), pick], (pair, name, after) => {
    pair.openConsumer(`c${name}`, after % (pair.tail(TEAM_NUMBER) + 3));
  }),
  step("close a consumer", 1, [pick], (pair, choice) => {
    const { consumers } = pair;
    const consumer = consumers[choice % Math.max(1, consumers.length)];
    if (consumer !== undefined) pair.closeConsumer(consumer.number);
  }),
  step("create", 4, [pick], (pair, choice) => {
    const id = `s${choice % 9}`;
    if (pair.numbers.length > 6 || pair.socketIds.includes(id)) return;
    const profile = { prompt: `prompt ${choice}`, context: choice % 2 === 0 ? undefined : Buffer.from("context") };
    pair.append({ kind: "create", draft: draft(id, { labels: { l: `${choice}` } }), profile });
  }),
  step("replace", 1, [pick], (pair, choice) => {
    const number = chosenSocket(pair, choice);
    if (number !== undefined) pair.append(create(idOf(pair, number), {}, number));
  }),
  step("delete", 1, [pick], (pair, choice) => {
    const number = chosenSocket(pair, choice);
    if (number !== undefined) pair.append({ kind: "delete", number });
  }),
  step("reset", 1, [pick, fc.boolean(), fc.boolean()], (pair, choice, queue, context) => {
    const number = chosen(pair, choice);
    pair.append({ kind: "reset", number, draft: draft(idOf(pair, number)), queue, context });
  }),
  step("change", 1, [pick], (pair, choice) => {
    const number = chosen(pair, choice);
    const changed = draft(idOf(pair, number), { state: "INACTIVE" });
    pair.append({ kind: "change", what: "STATE_CHANGED", number, draft: changed });
  }),
  step("update", 1, [pick, profileChange], (pair, choice, profile) => {
    const number = chosen(pair, choice);
    pair.append({ kind: "change", what: "UPDATED", number, draft: draft(idOf(pair, number)), profile });
  }),
  step("reply", 2, [pick, pick], (pair, choice, question) => {
    pair.append({ ...direct(nextBody(), chosen(pair, choice)), replyTo: (question % pair.revision) + 1 });
  }),
  step("remember", 4, [pick, fc.nat(12)], (pair, choice, name) => pair.remember(chosen(pair, choice), `k${name}`)),
  step("forget", 2, [pick, fc.nat(9)], (pair, through, countMax) => {
    pair.forget(through % (pair.revision + 1), countMax);
  }),
  step("tick", 2, [fc.integer({ min: -20, max: 60 })], (pair, ms) => {
    pair.clock.ms += ms;
  }),
  step("retain young", 3, [fc.constantFrom(0, 10, 50)], (pair, ageMs) => pair.retain({ ...FOREVER, ageMs })),
  step("retain all", 1, [], (pair) => pair.retain(FOREVER)),
  step("retain none", 1, [], (pair) => pair.retain({ ...FOREVER, messages: 0 })),
  step("durable", 2, [], (pair) => pair.durable()),
  step(
    "restart",
    3,
    [fc.constantFrom<Restart[]>("close", "crash", "no checkpoint", "damaged checkpoint")],
    async (pair, kind) => {
      await pair.restart(kind);
      await pair.compareMessages();
    },
  ),
];

const history = fc.array(fc.oneof(...steps), { minLength: 5, maxLength: 60, size: "max" });

test("the store agrees with the plain one after every step of any history", {
  timeout: isLong ? 30 * 60_000 : 120_000,
}, async () => {
  const numRuns = isLong ? 5_000 : 120;
  // A checkpoint after a few entries, after many, or at the close alone.
  const interval = fc.constantFrom(3, 100, 1e9);
  const property = fc.asyncProperty(history, interval, async (todo, checkpointInterval) => {
    const pair = await StoragePair.open(checkpointInterval);
    try {
      for (const one of todo) {
        await one.run(pair);
        pair.compareCounters();
      }
      await pair.compareMessages();
      await pair.end();
    } finally {
      await pair.dispose();
    }
  });
  await fc.assert(property, { numRuns });
});
