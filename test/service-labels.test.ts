/** Labels: in listings, and as the target of a broadcast. */
import { describe, expect, test } from "vitest";
import { SkipReason, type WriteRequest } from "../gen/ts/socketregistry/v1/socket_registry.js";
import { contentsOf, type Part, refusal, type Service, startService } from "./support/client.js";

const team = "team-chat-all";

/** Sockets with labels: two judges, of whom one is of team 2, a clerk, and one without any. */
async function startLabelled() {
  const service = await startService();
  await service.create({ socketId: "judge1", labels: { role: "judge", team: "1" } });
  await service.create({ socketId: "judge2", labels: { role: "judge", team: "2" } });
  await service.create({ socketId: "clerk", labels: { role: "clerk", team: "1" } });
  await service.createAll("none");
  return service;
}

const everybody = ["judge1", "judge2", "clerk", "none"];

async function heard(service: Service): Promise<Record<string, string[]>> {
  const drained = everybody.map(async (socketId) => [socketId, await service.contents(socketId)] as const);
  return Object.fromEntries((await Promise.all(drained)).filter(([, contents]) => contents.length > 0));
}

const toJudges = (service: Service, request: Part<WriteRequest> = {}) =>
  service.write({ socketId: team, message: "judges", matchLabels: { role: "judge" }, ...request });

async function listed(service: Service, labels: Record<string, string>): Promise<string[]> {
  return (await service.list({ labels })).sockets.map(({ socketId }) => socketId);
}

describe("a listing by labels", () => {
  test("has the sockets that have all of them, with their values", async () => {
    const service = await startLabelled();
    expect(await listed(service, { role: "judge" })).toEqual(["judge1", "judge2"]);
    expect(await listed(service, { role: "judge", team: "2" })).toEqual(["judge2"]);
    expect(await listed(service, { role: "Judge" })).toEqual([]);
    expect(await listed(service, { role: "" })).toEqual([]);
    expect(await listed(service, { toString: "" })).toEqual([]);
    expect(await listed(service, {})).toEqual([team, ...everybody]);
  });

  test("follows an update", async () => {
    const service = await startLabelled();
    await service.update({ socketId: "none", labels: { role: "judge", empty: "" } });
    await service.update({ socketId: "judge1" }, "labels");
    expect(await listed(service, { role: "judge" })).toEqual(["judge2", "none"]);
    expect(await listed(service, { empty: "" })).toEqual(["none"]);
  });
});

describe("a broadcast with match_labels", () => {
  test("goes to the sockets that have all of them, and the others are no recipients", async () => {
    const service = await startLabelled();
    expect(await toJudges(service)).toMatchObject({
      deliveredCount: 2,
      skippedCount: 0,
      results: [
        { socketId: "judge1", sequence: 1n },
        { socketId: "judge2", sequence: 1n },
      ],
    });
    await service.write({ socketId: team, message: "judge 2", matchLabels: { role: "judge", team: "2" } });
    await service.write({ socketId: team, message: "team 1", matchLabels: { team: "1" } });
    expect(await heard(service)).toEqual({
      judge1: ["judges", "team 1"],
      judge2: ["judges", "judge 2"],
      clerk: ["team 1"],
    });
  });

  test("skips who cannot take it, and its sender", async () => {
    const service = await startLabelled();
    await service.create({ socketId: "full", labels: { role: "judge" }, config: { maxQueueSize: 1 } });
    await service.writeAll("full", "fills it");
    await service.markInactive({ socketId: "judge2" });
    await service.markInactive({ socketId: "none" });
    expect(await toJudges(service, { sender: "judge1" })).toMatchObject({
      deliveredCount: 0,
      skippedCount: 3,
      results: [
        { socketId: "judge1", skipReason: SkipReason.SKIP_REASON_SENDER },
        { socketId: "judge2", skipReason: SkipReason.SKIP_REASON_SOCKET_INACTIVE },
        { socketId: "full", skipReason: SkipReason.SKIP_REASON_QUEUE_FULL },
      ],
    });
    const own = await toJudges(service, { sender: "judge1", includeSender: true });
    expect(own).toMatchObject({ deliveredCount: 1, skippedCount: 2 });
  });

  test("of a sender that has not the labels skips nobody for it", async () => {
    const service = await startLabelled();
    expect(await toJudges(service, { sender: "clerk" })).toMatchObject({ deliveredCount: 2, skippedCount: 0 });
  });

  test("is on the feed when it is signed, once", async () => {
    const service = await startLabelled();
    await toJudges(service, { message: "unsigned" });
    const { messageId } = await toJudges(service, { message: "signed", sender: "clerk" });
    expect(await service.drain(team)).toMatchObject([
      { content: "signed", messageId, recipient: team, toHeader: "[team-chat-to-team-chat-all]" },
    ]);
  });

  test("that fits nobody is answered with OK and zero", async () => {
    const service = await startLabelled();
    expect(await toJudges(service, { matchLabels: { role: "nobody's" } })).toMatchObject({
      deliveredCount: 0,
      skippedCount: 0,
      results: [],
    });
    expect(await heard(service)).toEqual({});
  });

  test("is one message, in one order with all others", async () => {
    const service = await startLabelled();
    const writes = Array.from({ length: 60 }, (_, index) => {
      const message = `m${index}`;
      if (index % 3 === 0) return service.write({ socketId: team, message });
      return toJudges(service, { message, matchLabels: { role: index % 3 === 1 ? "judge" : "clerk" } });
    });
    await Promise.all(writes);
    const [judge1, judge2, clerk] = [
      await service.drain("judge1"),
      await service.drain("judge2"),
      await service.drain("clerk"),
    ];
    expect(judge1.map(({ messageId }) => messageId)).toEqual(judge2.map(({ messageId }) => messageId));
    const shared = (contents: string[]) => contents.filter((content) => Number(content.slice(1)) % 3 === 0);
    expect(shared(contentsOf(judge1))).toEqual(shared(contentsOf(clerk)));
    expect([judge1.length, clerk.length]).toEqual([40, 40]);
  });

  test("counts labels as they are now", async () => {
    const service = await startLabelled();
    await service.update({ socketId: "none", labels: { role: "judge" } });
    await service.update({ socketId: "judge1", labels: { role: "clerk" } });
    await toJudges(service);
    expect(Object.keys(await heard(service))).toEqual(["judge2", "none"]);
  });

  test("takes as many labels as a socket may have, and is for the team alone", async () => {
    const service = await startLabelled();
    const labels = (count: number) =>
      Object.fromEntries(Array.from({ length: count }, (_, index) => [`l${index}`, "v"]));
    await service.create({ socketId: "many", labels: labels(32) });
    expect((await toJudges(service, { matchLabels: labels(32) })).deliveredCount).toBe(1);
    expect(await refusal(toJudges(service, { matchLabels: labels(33) }))).toMatchObject({ field: "match_labels" });
    expect(await refusal(toJudges(service, { socketId: "judge1" }))).toMatchObject({
      reason: "INVALID_FIELD",
      field: "match_labels",
    });
    expect((await refusal(toJudges(service, { matchLabels: { "": "v" } }))).field).toBe("match_labels");
  });

  test("survives a retry and lists its results up to 1,000, the counts being exact", async () => {
    const service = await startService({ durability: "os" });
    const labels = { role: "judge" };
    await Promise.all(Array.from({ length: 1_001 }, (_, index) => service.create({ socketId: `s${index}`, labels })));
    const first = await toJudges(service, { requestId: "r" });
    expect(first).toMatchObject({ deliveredCount: 1_001, skippedCount: 0 });
    expect(first.results).toHaveLength(1_000);
    expect(await toJudges(service, { requestId: "r" })).toEqual({ ...first, duplicate: true });
    expect((await service.socket("s1000")).queueSize).toBe(1);
  });
});
