/** The random steps of the model tests of the registry, and how each is made. */
import fc from "fast-check";
import type { ReadRequest } from "../../src/registry/read-request.js";
import type { SocketConfig, Storage } from "../../src/registry/storage.js";
import { crash } from "./model-crash.js";
import { quietly } from "./model-letter.js";
import type { ModelTeam } from "./model-team.js";
import { TEAM } from "./team-model.js";

/** What a model test reads: where it starts is a share of what the queue holds. */
export interface ReadPlan
  extends Pick<
    ReadRequest,
    "socketId" | "ackMode" | "noWait" | "maxMessages" | "maxOutstanding" | "exclusive" | "consumer" | "excludeSender"
  > {
  readonly after: number | undefined;
  readonly stalls: boolean[];
  /** Empty: it has no name. */
  readonly reader: string;
}

export interface WritePlan {
  readonly socketId: string;
  readonly sender: string;
  readonly includeSender: boolean;
  readonly labels: Readonly<Record<string, string>>;
  /** 0: none. */
  readonly requestId: number;
  /** Whether, when this request_id was used before, it is the same request. */
  readonly isSame: boolean;
  /** Which of the last messages it answers; 0: none. */
  readonly replyTo: number;
}

export interface AskPlan extends WritePlan {
  readonly timeoutMs: number;
  readonly maxReplies: number;
}

export interface AckPlan {
  readonly socketId: string;
  readonly consumer: string;
  readonly whose: "none" | "current" | "old";
  readonly acks: readonly number[];
  readonly through: number;
  readonly nacks: readonly number[];
  readonly extends: readonly number[];
  readonly delayMs: number;
  readonly deadlineMs: number | undefined;
  /** The readers that end. Empty: none. */
  readonly release: string;
}

/** A call that is made at once, whatever else is under way. */
export type Call = (team: ModelTeam) => void;
/** A step of a history, after which everything comes to rest. */
export type Step = (team: ModelTeam, reopen: (storage: Storage, isClean: boolean) => Promise<Storage>) => unknown;

/** A step that is printed with its values when it fails. */
function named<T, F extends (...args: never[]) => unknown>(
  name: string,
  values: fc.Arbitrary<T>,
  act: (value: T) => F,
): fc.Arbitrary<F> {
  return values.map((value) =>
    Object.assign(act(value), { [fc.toStringMethod]: () => `${name} ${fc.stringify(value)}` }),
  );
}

const ids = ["a", "b", "c"] as const;
export const socketIds: readonly string[] = ids;
const socketId = fc.constantFrom(...ids);
const anySocket = fc.constantFrom(...ids, ...ids, TEAM);
const sender = fc.constantFrom("", "", ...ids, "stranger");
const labels = fc.constantFrom({}, {}, { team: "red" }, { team: "blue" });
const consumer = fc.constantFrom("", "", "auditor", "archive", "third");
const requestId = fc.constantFrom(0, 0, 0, 1, 2, 3);
const isSame = fc.constantFrom(true, true, true, false);
const config = fc.constantFrom<SocketConfig[]>(
  {},
  {},
  { maxQueueSize: 0 },
  { maxQueueSize: 2 },
  { maxQueueSize: 2, overflowPolicy: "DROP_OLDEST" },
  { maxQueueSize: 3, overflowPolicy: "DROP_OLDEST", messageTtlMs: 5_000 },
  { messageTtlMs: 3_000 },
  { ackDeadlineMs: 2_000, maxDeliveryAttempts: 2 },
  { ackDeadlineMs: 0, maxDeliveryAttempts: 0 },
  { leaseDurationMs: 4_000 },
  { leaseDurationMs: 4_000, acceptWhenAway: true, ackDeadlineMs: 3_000 },
);

const create = named(
  "create",
  fc.record({ socketId, onConflict: fc.constantFrom("FAIL", "USE_EXISTING", "REPLACE"), config, labels, requestId }),
  (plan): Call =>
    (team) =>
      team.create(plan),
);
const writing = { sender, requestId, isSame, labels: fc.constant({}), replyTo: fc.constantFrom(0, 0, 1, 2, 3, 4) };
const write = named(
  "write",
  fc.record({ ...writing, socketId, includeSender: fc.constant(false) }),
  (plan): Call =>
    (team) =>
      team.write(plan),
);
const broadcast = named(
  "broadcast",
  fc.record({ ...writing, labels, socketId: fc.constant(TEAM), includeSender: fc.boolean() }),
  (plan): Call =>
    (team) =>
      team.write(plan),
);
const ask = named(
  "ask",
  fc.record({
    ...{ ...writing, labels, sender: fc.constantFrom("", "stranger"), includeSender: fc.constant(false) },
    ...{ socketId: fc.constantFrom(TEAM, TEAM, ...ids), replyTo: fc.constant(0) },
    ...{ timeoutMs: fc.constantFrom(1_000, 30_000), maxReplies: fc.constantFrom(0, 0, 1, 2) },
  }),
  (plan): Call =>
    (team) =>
      team.ask(plan),
);
const reading = {
  ...{ socketId: anySocket, consumer, noWait: fc.boolean(), maxMessages: fc.constantFrom(0, 0, 0, 1, 2, 4) },
  ...{ maxOutstanding: fc.constantFrom(0, 1, 1, 2, 5), reader: fc.constantFrom("", "", "first", "second") },
};
const stalls = fc.array(fc.boolean(), { maxLength: 3 });
const read = named(
  "read",
  fc.oneof(
    {
      weight: 3,
      arbitrary: fc.record({
        ...{ ...reading, ackMode: fc.constant("EXPLICIT" as const), exclusive: fc.constantFrom(false, false, true) },
        ...{ excludeSender: fc.constant(""), stalls, after: fc.constant(undefined) },
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        ...{ ...reading, ackMode: fc.constant("AUTO" as const), exclusive: fc.constantFrom(false, false, false, true) },
        ...{ excludeSender: fc.constant(""), stalls },
        after: fc.option(fc.constantFrom(0, 0.3, 0.7, 1), { nil: undefined, freq: 2 }),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        ...{ ...reading, ackMode: fc.constantFrom("AUTO" as const, "EXPLICIT" as const) },
        ...{ exclusive: fc.constant(false), after: fc.constant(undefined) },
        ...{ excludeSender: sender, stalls: fc.constant<boolean[]>([]) },
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        ...{ ...reading, ackMode: fc.constant("NONE" as const), exclusive: fc.constant(false) },
        ...{ excludeSender: fc.constant(""), stalls },
        after: fc.option(fc.constantFrom(0, 0.3, 0.7, 1), { nil: undefined }),
      }),
    },
  ),
  (plan): Call =>
    (team) =>
      team.read(plan),
);
const places = fc.array(fc.nat(12), { maxLength: 3 });
const acknowledgement = fc.record({
  ...{ socketId: anySocket, consumer, whose: fc.constantFrom("none", "current", "current", "old") },
  ...{ acks: places, nacks: fc.oneof(fc.constant([]), places), extends: fc.oneof(fc.constant([]), places) },
  ...{ through: fc.constantFrom(0, 0, 3, 5), delayMs: fc.constantFrom(0, 0, 1_000, 60_000) },
  deadlineMs: fc.constantFrom(undefined, 500, 20_000),
});
const acknowledge = named(
  "acknowledge",
  fc.tuple(acknowledgement, fc.constantFrom("", "", "", "first", "second")),
  ([plan, release]): Call =>
    (team) =>
      team.acknowledge({ ...plan, release }),
);
const requeue = named(
  "requeue",
  fc.tuple(anySocket, fc.oneof(fc.constant([]), places)),
  ([id, sequences]): Call =>
    (team) =>
      team.requeue(id, sequences),
);
const resume = named(
  "resume",
  fc.nat(9),
  (which): Call =>
    (team) => {
      const stalled = team.readers.filter(({ isStalled }) => isStalled);
      stalled[which % stalled.length]?.resume();
    },
);
const cancel = named(
  "cancel",
  fc.nat(9),
  (which): Call =>
    (team) => {
      const streams = [...team.readers, ...team.readers, ...team.asks, ...team.watches];
      streams[which % streams.length]?.cancel();
    },
);
const reset = named(
  "reset",
  fc.tuple(anySocket, fc.constantFrom("ALL", "QUEUE", "CONTEXT")),
  ([id, scope]): Call =>
    (team) =>
      team.reset(id, scope),
);
const remove = named(
  "delete",
  socketId,
  (id): Call =>
    (team) =>
      team.delete(id),
);
const mark = named(
  "mark",
  fc.tuple(socketId, fc.constantFrom("ACTIVE", "INACTIVE", "UNRESPONSIVE")),
  ([id, state]): Call =>
    (team) =>
      team.mark(id, state),
);
const update = named(
  "update",
  fc.tuple(socketId, config, fc.option(labels, { nil: undefined })),
  ([id, settings, marks]): Call =>
    (team) =>
      team.update(id, settings, marks),
);
const heartbeat = named(
  "heartbeat",
  fc.tuple(anySocket, fc.constantFrom(false, false, true)),
  ([id, isOld]): Call =>
    (team) =>
      team.heartbeat(id, isOld),
);
const watch = named(
  "watch",
  fc.tuple(fc.boolean(), fc.nat(20), fc.constantFrom("", "", ...ids)),
  ([isResumed, place, id]): Call =>
    (team) =>
      team.watch(isResumed, place, id),
);

const call = fc.oneof(
  { weight: 2, arbitrary: create },
  { weight: 9, arbitrary: write },
  { weight: 6, arbitrary: broadcast },
  { weight: 2, arbitrary: ask },
  { weight: 9, arbitrary: read },
  { weight: 9, arbitrary: acknowledge },
  { weight: 2, arbitrary: requeue },
  { weight: 5, arbitrary: resume },
  { weight: 4, arbitrary: cancel },
  { weight: 1, arbitrary: reset },
  { weight: 1, arbitrary: remove },
  { weight: 2, arbitrary: mark },
  { weight: 2, arbitrary: update },
  { weight: 2, arbitrary: heartbeat },
  { weight: 1, arbitrary: watch },
);
/** What may come in the middle of what others have begun. */
const interruption = fc.oneof(cancel, reset, remove);

const alone = named(
  "",
  call,
  (make): Step =>
    (team) =>
      make(team),
);
const together = named(
  "together",
  fc.record({
    ...{ calls: fc.array(call, { minLength: 2, maxLength: 5 }), isHeld: fc.boolean() },
    ...{ turns: fc.nat(4), after: fc.array(interruption, { maxLength: 1 }) },
  }),
  ({ calls, isHeld, turns, after }): Step =>
    async (team) => {
      if (isHeld) team.hold();
      for (const make of calls) make(team);
      for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => setImmediate(resolve));
      for (const make of after) make(team);
    },
);
const pass = named(
  "pass",
  fc.constantFrom(50, 100, 500, 1_000, 2_000, 5_000, 16_000, 400_000),
  (ms): Step =>
    (team) =>
      team.pass(ms),
);
const jump = named(
  "jump",
  fc.constantFrom(-3_600_000, -2_000, 2_000, 3_600_000),
  (ms): Step =>
    (team) => {
      team.clock.jump(ms);
    },
);
const upkeep = named("upkeep", fc.constant(""), (): Step => (team) => team.upkeep());
const restart = named(
  "restart",
  fc.boolean(),
  (isClean): Step =>
    (team, reopen) => {
      return team.restart(isClean, (storage) => reopen(storage, isClean));
    },
);
const unheard = fc.oneof(
  named(
    "write",
    fc.record({ ...writing, socketId: fc.constantFrom(...ids, TEAM), labels, includeSender: fc.boolean() }),
    (plan) => (team: ModelTeam) => team.writing(plan),
  ),
  named("acknowledge", acknowledgement, (plan) => (team: ModelTeam) => team.acknowledging({ ...plan, release: "" })),
);
const killed = named(
  "killed",
  fc.record({ calls: fc.array(unheard, { maxLength: 3 }), turns: fc.nat(5) }),
  ({ calls, turns }): Step =>
    (team, reopen) => {
      const first = (): ReturnType<ModelTeam["writing"]> => team.writing({ ...quietly, socketId: TEAM });
      const rest = calls.map((prepare) => () => prepare(team));
      return crash(team, [first, ...rest], turns, (storage) => reopen(storage, false));
    },
);
const look = named("look", fc.constant(""), (): Step => (team) => team.compare());

const step = fc.oneof(
  { weight: 60, arbitrary: alone },
  { weight: 8, arbitrary: together },
  { weight: 12, arbitrary: pass },
  { weight: 2, arbitrary: jump },
  { weight: 3, arbitrary: upkeep },
  { weight: 2, arbitrary: restart },
  { weight: 2, arbitrary: killed },
  { weight: 6, arbitrary: look },
);

export const history = fc.array(step, { minLength: 5, maxLength: 60, size: "max" });
