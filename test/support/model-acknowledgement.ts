import type { AcknowledgeAnswer, AcknowledgeRequest } from "../../src/registry/acknowledge.js";
import type { AckPlan } from "./model-plans.js";
import type { ModelQueue } from "./model-queue.js";
import type { ModelTeam } from "./model-team.js";
import { TEAM } from "./team-model.js";

/** How much was released depends on what is on its way. */
export type Told = Omit<AcknowledgeAnswer, "releasedCount">;

/** An acknowledgement as it is asked for, and what becomes of it in the model once it is made. */
export function acknowledgement(
  team: ModelTeam,
  plan: AckPlan,
): { readonly request: AcknowledgeRequest; readonly expected: () => Told | string } {
  const { model, storage } = team;
  const { socketId, whose, delayMs, deadlineMs } = plan;
  const consumer = socketId === TEAM ? plan.consumer : "";
  const box = model.boxes.get(socketId);
  const queue = consumer === "" ? box?.queue : model.consumers.get(consumer)?.queue;
  const [acks, nacks, extensions] = [plan.acks, plan.nacks, plan.extends].map((places) => chosen(queue, places));
  const [sequences, nackSequences, extendSequences] = [acks ?? [], nacks ?? [], extensions ?? []];
  const throughSequence = plan.through === 0 ? 0 : (chosen(queue, [plan.through])[0] ?? 0);
  const current = storage.below.find(socketId)?.epoch ?? "";
  const oldest = team.ears.epochs.get(socketId)?.[0] ?? "gone";
  const epoch = { none: "", current, old: oldest }[whose];
  const expected = (): Told | string => {
    if (box === undefined) return "SOCKET_NOT_FOUND";
    const named = [...sequences, ...nackSequences, ...extendSequences];
    const isCurrent = epoch === "" || epoch === current;
    if (queue === undefined || !isCurrent) return { acknowledgedCount: 0, staleSequences: named };
    const readers = model.readersOf(box, consumer);
    const staleSequences: number[] = [];
    let acknowledgedCount = 0;
    const each = (list: readonly number[], act: (sequence: number) => boolean): void => {
      for (const sequence of list) {
        if (act(sequence)) acknowledgedCount++;
        else staleSequences.push(sequence);
      }
    };
    each(sequences, (sequence) => queue.ack(sequence));
    each(queue.deliveredThrough(throughSequence), (sequence) => queue.ack(sequence));
    each(nackSequences, (sequence) => queue.nack(sequence, delayMs));
    each(extendSequences, (sequence) => queue.extend(sequence, deadlineMs));
    if (plan.release !== "") {
      for (const reader of readers) if (reader.name === plan.release) reader.release();
      queue.release(plan.release);
    }
    for (const reader of readers) reader.isOverdue = false;
    if (consumer === "") model.seen(box);
    return { acknowledgedCount, staleSequences };
  };
  const lists = { sequences, throughSequence, nackSequences, extendSequences };
  return {
    request: {
      ...{ socketId, consumer, epoch, ...lists, retryDelayMs: delayMs, ackDeadlineMs: deadlineMs },
      releaseReader: plan.release,
    },
    expected,
  };
}

/** Mostly of what is in flight; else anything, also what was never there. */
function chosen(queue: ModelQueue | undefined, places: readonly number[]): number[] {
  const all = queue?.entries ?? [];
  const flying = all.filter(({ state }) => state === "out").map(({ sequence }) => sequence);
  return places.map((place) => (place % 4 > 0 ? flying[place % Math.max(1, flying.length)] : undefined) ?? place);
}
