// What socketctl makes of a server that stops in the middle, loses answers and finds acknowledgements stale.
import { status } from "@grpc/grpc-js";
import { expect, test } from "vitest";
import {
  type AcknowledgeRequest,
  AcknowledgeResponse,
  type AskRequest,
  AskResponse,
  type CreateRequest,
  CreateResponse,
  MissingReason,
  type ReadRequest,
  type UpdateRequest,
  UpdateResponse,
  WatchEventType,
  type WatchRequest,
  WatchResponse,
  type WriteRequest,
  WriteResponse,
} from "../gen/ts/socketregistry/v1/socket_registry.js";
import { answer, frameOf, Recorder, refusal, started, startScript, stream, unavailable } from "./support/cli-script.js";
import { createGate } from "./support/cli-server.js";
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

test("with --lines each line has a request id of its own", async () => {
  const writes = new Recorder<WriteRequest>();
  const address = await startScript({
    write: answer((request: WriteRequest) => {
      writes.add(request);
      return WriteResponse.fromPartial({});
    }),
  });
  await socketctl(address, ["write", "apollo", "--lines", "--request-id", "job"], "a\nb\n");
  await socketctl(address, ["write", "apollo", "--lines"], "a\na\n");
  const ids = writes.items.map(({ requestId }) => requestId);
  expect(ids.slice(0, 2)).toEqual(["job-1", "job-2"]);
  expect(ids[2]).not.toBe(ids[3]);
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

/** Two messages, then a stream that stays open; every acknowledgement is recorded and answered by `reply`. */
async function startQueue(reply: (request: AcknowledgeRequest, count: number) => AcknowledgeResponse) {
  const acks = new Recorder<AcknowledgeRequest>();
  const reads = new Recorder<ReadRequest>();
  const address = await startScript({
    read: stream(async function* (request: ReadRequest, cancelled: Promise<void>) {
      reads.add(request);
      yield started;
      yield frameOf(1, 2);
      await cancelled;
    }),
    acknowledge: answer((request: AcknowledgeRequest) => {
      acks.add(request);
      return reply(request, acks.items.length);
    }),
  });
  return { address, acks, reads };
}

test("read --ack says that acknowledgements are stale", async () => {
  const { address, acks } = await startQueue(() => AcknowledgeResponse.fromPartial({ staleSequences: [2n] }));
  const { child, says, result } = startSocketctl(address, ["read", "apollo", "--follow", "--ack"]);
  await says("stderr", "socketctl: stale: sequence 2; not in flight any longer, or not in this epoch\n");
  child.kill("SIGINT");
  expect(await result).toMatchObject({ exitCode: 130, stdout: expect.stringContaining("content 2\n") });
  expect(acks.items).toMatchObject([{ socketId: "apollo", epoch: "epoch1", sequences: [1n, 2n] }]);
});

test("an acknowledgement without an answer is made again, and what is stale then is no news", async () => {
  const { address, acks } = await startQueue((_, count) => {
    if (count === 1) throw unavailable();
    return AcknowledgeResponse.fromPartial({ staleSequences: [1n, 2n] });
  });
  const { child, result } = startSocketctl(address, ["read", "apollo", "--follow", "--max-outstanding", "2"]);
  await acks.reach(2);
  child.kill("SIGINT");
  expect(await result).toMatchObject({ exitCode: 130, stderr: "" });
});

test("an interrupt waits for the acknowledgement under way, and what was printed is acknowledged", async () => {
  let respond: () => void = () => {};
  const responded = new Promise<void>((resolve) => {
    respond = resolve;
  });
  const acks = new Recorder<AcknowledgeRequest>();
  const gone = new Recorder<string>();
  const address = await startScript({
    read: stream(async function* (_: ReadRequest, cancelled: Promise<void>) {
      yield frameOf(1);
      await cancelled;
      gone.add("reader");
    }),
    acknowledge: answer(async (request: AcknowledgeRequest) => {
      acks.add(request);
      await responded;
      return AcknowledgeResponse.fromPartial({ acknowledgedCount: 1 });
    }),
  });
  const { child, result } = startSocketctl(address, ["read", "apollo", "--follow", "--ack"]);
  await acks.reach(1);
  child.kill("SIGINT");
  await gone.reach(1);
  expect(child.exitCode).toBeNull();
  respond();
  expect(await result).toEqual({ stdout: "[team-chat-from-x] content 1\n", stderr: "", exitCode: 130 });
});

test("an interrupt does not wait for ever for a server that is gone: it says what will come again", async () => {
  const { address, acks } = await startQueue(() => {
    throw unavailable();
  });
  const { child, result } = startSocketctl(address, ["read", "apollo", "--follow", "--ack"]);
  await acks.reach(1);
  child.kill("SIGINT");
  const { stderr, exitCode } = await result;
  expect(exitCode).toBe(130);
  expect(stderr).toMatch(/^socketctl: not acknowledged, and will come again: sequences 1, 2; SHUTTING_DOWN: [^\n]*\n$/);
});

test("an acknowledgement that is refused gives the exit code, when the read has come to its end", async () => {
  const address = await startScript({
    read: stream(async function* (request: ReadRequest) {
      if (request.maxMessages === 1) yield frameOf(1);
    }),
    acknowledge: answer(() => {
      throw refusal(status.NOT_FOUND, "SOCKET_NOT_FOUND");
    }),
  });
  const { stderr, exitCode } = await socketctl(address, ["read", "apollo", "--ack", "--max-messages", "1"]);
  expect(exitCode).toBe(4);
  expect(stderr).toBe("socketctl: not acknowledged, and will come again: sequence 1; SOCKET_NOT_FOUND: as told\n");
});

test("read --exec runs no second command for what comes again while the first runs, over a broken stream", async () => {
  const reads = new Recorder<ReadRequest>();
  const acks = new Recorder<AcknowledgeRequest>();
  const address = await startScript({
    read: stream(async function* (request: ReadRequest, cancelled: Promise<void>) {
      reads.add(request);
      yield frameOf(1);
      if (reads.items.length < 3) throw unavailable();
      yield frameOf(2);
      await cancelled;
    }),
    acknowledge: answer((request: AcknowledgeRequest) => {
      acks.add(request);
      return AcknowledgeResponse.fromPartial({});
    }),
  });
  const gate = createGate();
  const command = `echo "run $SEQUENCE"; [ $SEQUENCE = 2 ] || cat ${gate.path}`;
  const { child, says, result } = startSocketctl(address, ["read", "apollo", "--follow", "--exec", command]);
  await reads.reach(3);
  await gate.open();
  await says("stdout", "run 2\n");
  child.kill("SIGINT");
  expect(await result).toMatchObject({ exitCode: 130, stdout: "run 1\nrun 2\n" });
  const settled = acks.items.flatMap(({ sequences }) => sequences);
  expect(settled).toEqual([1n, 2n]);
  expect(reads.items.map(({ after, ackMode }) => ({ after, ackMode }))).toEqual(
    Array.from({ length: 3 }, () => ({ after: undefined, ackMode: 2 })),
  );
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
