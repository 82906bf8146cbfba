// The calls that socketctl makes of a command line, and makes again when the server stops or loses an answer.
import { status } from "@grpc/grpc-js";
import { expect, test } from "vitest";
import {
  type AskRequest,
  AskResponse,
  type CreateRequest,
  CreateResponse,
  MissingReason,
  type UpdateRequest,
  UpdateResponse,
  WatchEventType,
  type WatchRequest,
  WatchResponse,
  type WriteRequest,
  WriteResponse,
} from "../gen/ts/socketregistry/v1/socket_registry.js";
import { answer, Recorder, refusal, startScript, stream, unavailable } from "./support/cli-script.js";
import { socketctl, startSocketctl } from "./support/socketctl.js";

test("write is tried again with the same request id when the server stops, and says so", async () => {
  const writes = new Recorder<WriteRequest>();
  const address = await startScript({
    write: answer((request: WriteRequest) => {
      writes.add(request);
      if (writes.items.length < 3) throw unavailable();
      return WriteResponse.fromPartial({ messageId: "message1", deliveredCount: 1, duplicate: true });
    }),
  });
  const { stdout, stderr, exitCode } = await socketctl(address, ["write", "apollo", "hi", "--print-id"]);
  expect({ stdout, exitCode }).toEqual({ stdout: "message1\n", exitCode: 0 });
  expect(stderr).toBe(
    [0.25, 0.5].map((s) => `socketctl: SHUTTING_DOWN: the server is shutting down; writing again in ${s} s\n`).join(""),
  );
  const ids = writes.items.map(({ requestId }) => requestId);
  expect(ids).toEqual([ids[0], ids[0], ids[0]]);
  expect(ids[0]).toMatch(/^[0-9a-f-]{36}$/);
});

test("write gives up after a few tries with 3, and tells the request id to go on with", async () => {
  const writes = new Recorder<WriteRequest>();
  const address = await startScript({
    write: answer((request: WriteRequest) => {
      writes.add(request);
      throw unavailable();
    }),
  });
  const { stderr, exitCode } = await socketctl(address, ["write", "apollo", "hi"]);
  expect(exitCode).toBe(3);
  expect(writes.items).toHaveLength(5);
  expect(stderr).toContain(`with --request-id ${writes.items[0]?.requestId} it happens once`);
});

test("a refusal is not tried again", async () => {
  const writes = new Recorder<WriteRequest>();
  const address = await startScript({
    write: answer((request: WriteRequest) => {
      writes.add(request);
      throw refusal(status.RESOURCE_EXHAUSTED, "QUEUE_FULL");
    }),
  });
  const args = ["write", "apollo", "hi", "--request-id", "mine"];
  expect(await socketctl(address, args)).toEqual({
    stdout: "",
    stderr: "socketctl: QUEUE_FULL: as told\n",
    exitCode: 1,
  });
  expect(writes.items.map(({ requestId }) => requestId)).toEqual(["mine"]);
});

test("create is tried again with the same request id, and sends the settings that were given", async () => {
  const creates = new Recorder<CreateRequest>();
  const address = await startScript({
    create: answer((request: CreateRequest) => {
      creates.add(request);
      if (creates.items.length < 2) throw unavailable();
      return CreateResponse.fromPartial({ socket: { socketId: "apollo" } });
    }),
  });
  const settings = ["--lease-duration", "1.5", "--message-ttl", "0", "--ack-deadline", "500ms"];
  const limits = ["--max-queue-bytes", "10", "--max-delivery-attempts", "3", "--overflow-policy", "drop-oldest"];
  const { stdout, exitCode } = await socketctl(address, ["create", "apollo", ...settings, ...limits]);
  expect({ stdout, exitCode }).toEqual({ stdout: "apollo\n", exitCode: 0 });
  expect(creates.items[0]?.requestId).toBe(creates.items[1]?.requestId);
  expect(creates.items[1]?.config).toEqual({
    leaseDuration: { seconds: 1n, nanos: 500_000_000 },
    messageTtl: { seconds: 0n, nanos: 0 },
    ackDeadline: { seconds: 0n, nanos: 500_000_000 },
    maxQueueBytes: 10n,
    maxDeliveryAttempts: 3,
    overflowPolicy: 2,
  });
});

test("update names in its mask what was given, and what goes back to its default", async () => {
  const updates = new Recorder<UpdateRequest>();
  const address = await startScript({
    update: answer((request: UpdateRequest) => {
      updates.add(request);
      return UpdateResponse.fromPartial({});
    }),
  });
  const fields = ["--prompt", "", "--label", "a=b", "--etag", "e1", "--refuse-when-away"];
  const settings = ["--max-queue-size", "0", "--default", "ack-deadline", "--default", "message-ttl"];
  const updated = await socketctl(address, ["update", "apollo", ...fields, ...settings]);
  expect(updated).toEqual({ stdout: "", stderr: "", exitCode: 0 });
  await socketctl(address, ["update", "apollo", "--no-labels"]);
  expect(updates.items[0]).toMatchObject({
    updateMask: [
      "prompt",
      "labels",
      "config.max_queue_size",
      "config.accept_when_away",
      "config.ack_deadline",
      "config.message_ttl",
    ],
    socket: {
      socketId: "apollo",
      prompt: "",
      labels: { a: "b" },
      etag: "e1",
      config: { maxQueueSize: 0, acceptWhenAway: false },
    },
  });
  expect(updates.items[1]).toMatchObject({ updateMask: ["labels"], socket: { labels: {} } });
});

test("watch goes on after the last change it saw, and takes a snapshot that broke off once more", async () => {
  const watches = new Recorder<WatchRequest>();
  const event = (revision: bigint, type: WatchEventType, socketId?: string) =>
    WatchResponse.fromPartial({ revision, type, ...(socketId && { socket: { socketId, state: 1, model: "m" } }) });
  const { WATCH_EVENT_TYPE_SNAPSHOT, WATCH_EVENT_TYPE_SYNCED, WATCH_EVENT_TYPE_CREATED, WATCH_EVENT_TYPE_HEARTBEAT } =
    WatchEventType;
  const address = await startScript({
    watch: stream(async function* (request: WatchRequest, cancelled: Promise<void>) {
      watches.add(request);
      if (request.afterRevision === 0n) {
        yield event(7n, WATCH_EVENT_TYPE_SNAPSHOT, "apollo");
        if (watches.items.length === 1) throw unavailable();
        yield event(7n, WATCH_EVENT_TYPE_SYNCED);
        yield event(9n, WATCH_EVENT_TYPE_HEARTBEAT);
        throw unavailable();
      }
      yield event(12n, WATCH_EVENT_TYPE_CREATED, "athena");
      await cancelled;
    }),
  });
  const { child, says, result } = startSocketctl(address, ["watch"]);
  await says("stdout", "athena");
  child.kill("SIGINT");
  const { stdout, stderr, exitCode } = await result;
  expect(exitCode).toBe(130);
  expect(stdout).toBe("7 SNAPSHOT apollo active m\n7 SNAPSHOT apollo active m\n7 SYNCED\n12 CREATED athena active m\n");
  expect(watches.items.map(({ afterRevision }) => afterRevision)).toEqual([0n, 0n, 9n]);
  expect(stderr).toMatch(/^(socketctl: SHUTTING_DOWN: [^\n]*; watching again in 0\.25 s\n){2}$/);
});

test("ask asks again with the same request id when the server stops, and prints each reply once", async () => {
  const asks = new Recorder<AskRequest>();
  const asked = AskResponse.fromPartial({ step: { $case: "asked", value: { messageId: "question" } } });
  const reply = (messageId: string) =>
    AskResponse.fromPartial({
      step: { $case: "reply", value: { messageId, header: "[team-chat-from-apollo]", content: messageId } },
    });
  const address = await startScript({
    ask: stream(async function* (request: AskRequest) {
      asks.add(request);
      if (asks.items.length === 1) throw unavailable();
      yield asked;
      yield reply("one");
      if (asks.items.length === 2) throw unavailable();
      yield reply("two");
      const missing = [{ socketId: "athena", reason: MissingReason.MISSING_REASON_SILENT }];
      const value = { answered: ["apollo"], missing, answeredCount: 1, missingCount: 30 };
      yield AskResponse.fromPartial({ step: { $case: "summary", value } });
    }),
  });
  const { stdout, stderr, exitCode } = await socketctl(address, ["ask", "why?", "--timeout", "2m", "--label", "a=b"]);
  expect(stdout).toBe("[team-chat-from-apollo] one\n[team-chat-from-apollo] two\n");
  expect(exitCode).toBe(6);
  expect(stderr.split("\n").slice(2)).toEqual([
    "socketctl: 1 of 31 answered: apollo",
    "socketctl: no answer: athena (SILENT), 29 more",
    "",
  ]);
  const [first, ...others] = asks.items;
  expect(others).toEqual([first, first]);
  expect(first).toMatchObject({
    socketId: "",
    message: "why?",
    timeout: { seconds: 120n, nanos: 0 },
    matchLabels: { a: "b" },
    requestId: expect.stringMatching(/^[0-9a-f-]{36}$/),
  });
});

test("ask gives up on a server that is gone with 3, and tells the request id", async () => {
  const { stderr, exitCode } = await socketctl("127.0.0.1:1", ["ask", "why?", "--request-id", "mine"]);
  expect(exitCode).toBe(3);
  expect(stderr).toContain("with --request-id mine it happens once");
});
