// What socketctl tells a server of the messages it was handed, when the server stops, is slow or finds that too late.
import { status } from "@grpc/grpc-js";
import { expect, test } from "vitest";
import {
  type AcknowledgeRequest,
  AcknowledgeResponse,
  type ReadRequest,
} from "../gen/ts/socketregistry/v1/socket_registry.js";
import { answer, frameOf, Recorder, refusal, started, startScript, stream, unavailable } from "./support/cli-script.js";
import { createGate } from "./support/cli-server.js";
import { socketctl, startSocketctl } from "./support/socketctl.js";

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
  const [acknowledged, released] = acks.items;
  expect(acknowledged).toMatchObject({ socketId: "apollo", epoch: "epoch1", sequences: [1n, 2n] });
  // In the end what had been sent and not been looked at is let go of.
  expect(released).toMatchObject({
    socketId: "apollo",
    epoch: "",
    sequences: [],
    releaseReader: expect.stringMatching(/^[0-9a-f-]{36}$/),
  });
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

test("what comes again before the server knows that it was settled is not run once more", async () => {
  const acks = new Recorder<AcknowledgeRequest>();
  const replays = new Recorder<ReadRequest>();
  const address = await startScript({
    read: stream(async function* (request: ReadRequest, cancelled: Promise<void>) {
      yield frameOf(1);
      if (acks.items.length === 0) {
        await acks.reach(1);
        throw unavailable();
      }
      yield frameOf(2);
      replays.add(request);
      await cancelled;
    }),
    acknowledge: answer(async (request: AcknowledgeRequest) => {
      acks.add(request);
      if (acks.items.length === 1) throw unavailable();
      await replays.reach(1);
      return AcknowledgeResponse.fromPartial({});
    }),
  });
  const { child, says, result } = startSocketctl(address, ["read", "apollo", "--follow", "--exec", 'echo "$SEQUENCE"']);
  await says("stdout", "2\n");
  child.kill("SIGINT");
  expect(await result).toMatchObject({ exitCode: 130, stdout: "1\n2\n" });
});

test("a message that no command can be started for is given back", async () => {
  const acks = new Recorder<AcknowledgeRequest>();
  const frame = frameOf(1);
  for (const message of frame.messages) message.threadId = "a\0b";
  const address = await startScript({
    read: stream(async function* () {
      if (acks.items.length === 0) yield frame;
    }),
    acknowledge: answer((request: AcknowledgeRequest) => {
      acks.add(request);
      return AcknowledgeResponse.fromPartial({});
    }),
  });
  const { stderr, exitCode } = await socketctl(address, ["read", "apollo", "--exec", "true"]);
  expect(exitCode).toBe(0);
  expect(stderr).toMatch(/^socketctl: message message1: the command could not be started: .*; given back\n$/);
  expect(acks.items[0]).toMatchObject({ sequences: [], nackSequences: [1n], retryDelay: { seconds: 1n, nanos: 0 } });
});

test("a deadline is asked for every third of it, while the command runs", async () => {
  const acks = new Recorder<AcknowledgeRequest>();
  const address = await startScript({
    read: stream(async function* () {
      if (!acks.items.some(({ sequences }) => sequences.length > 0)) yield frameOf(1);
    }),
    acknowledge: answer((request: AcknowledgeRequest) => {
      acks.add(request);
      return AcknowledgeResponse.fromPartial({});
    }),
  });
  const gate = createGate();
  const args = ["read", "apollo", "--ack-deadline", "300ms", "--exec", `cat ${gate.path}`];
  const start = performance.now();
  const { result } = startSocketctl(address, args);
  await acks.reach(3);
  expect(performance.now() - start).toBeGreaterThan(300);
  await gate.open();
  expect(await result).toEqual({ stdout: "", stderr: "", exitCode: 0 });
  const extension = { extendSequences: [1n], ackDeadline: { seconds: 0n, nanos: 300_000_000 }, epoch: "epoch1" };
  expect(acks.items.slice(0, 3)).toMatchObject([extension, extension, extension]);
  expect(acks.items.at(-2)).toMatchObject({ sequences: [1n], extendSequences: [] });
});
