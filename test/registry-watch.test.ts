/** The seam between the snapshot of a Watch and the changes after it, on the storage in memory. */
import { expect, onTestFinished, test } from "vitest";
import type { WatchFrame } from "../src/registry/watch.js";
import { Rules } from "./support/rules.js";

test("what changes while a snapshot becomes durable is told after it, once", async () => {
  const rules = new Rules();
  await rules.create("early");
  const release = rules.memory.holdCommits();
  const creations = [rules.create("pending")];
  const frames = watch(rules);
  const first = frames.next();
  creations.push(rules.create("late"));
  release();
  await Promise.all(creations);
  const told = [await first];
  while (told.length < 5) told.push(await frames.next());
  expect(told.map(({ value }) => nameOf(value ?? undefined))).toEqual([
    "SNAPSHOT team-chat-all",
    "SNAPSHOT early",
    "SNAPSHOT pending",
    "SYNCED",
    "CREATED late",
  ]);
});

function watch({ registry }: Rules): AsyncGenerator<WatchFrame, void, undefined> {
  const end = new AbortController();
  onTestFinished(() => end.abort());
  return registry.watch({ afterRevision: 0, socketId: "", heartbeatMs: undefined }, end.signal);
}

/** What a frame tells, and of whom. */
function nameOf(frame: WatchFrame | undefined): string {
  return [frame?.kind, frame?.row?.socketId].filter((word) => word !== undefined).join(" ");
}
