// write --lines over streams that do as they are told: what is sent when, and again, and what is said of it.
import { PassThrough } from "node:stream";
import { status } from "@grpc/grpc-js";
import { expect, onTestFinished, test, vi } from "vitest";
import { WriteRequest, WriteResponse } from "../gen/ts/socketregistry/v1/socket_registry.js";
import { CallError } from "../src/cli/failure.js";
import { writeLines } from "../src/cli/lines.js";
import { answerWrites, Recorder, refusal, startScript, unavailable, type WriteReply } from "./support/cli-script.js";
import { socketctl, startSocketctl } from "./support/socketctl.js";

const command = ["write", "apollo", "--lines", "--print-id", "--request-id", "job"];
const full = () => refusal(status.RESOURCE_EXHAUSTED, "QUEUE_FULL");
const taken = ({ message }: WriteRequest) => WriteResponse.fromPartial({ messageId: `id-${message}` });

/** A registry whose writes are recorded, and answered by `reply`, which is told how many there were. */
async function startWrites(reply: (request: WriteRequest, count: number) => WriteReply) {
  const writes = new Recorder<WriteRequest>();
  const address = await startScript({
    writeStream: answerWrites((request) => {
      writes.add(request);
      return reply(request, writes.items.length);
    }),
  });
  return { address, writes, ids: () => writes.items.map(({ requestId }) => requestId) };
}

const numbers = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => from + index);

test("each line has a request id of its own, from one run to the next only if it is given", async () => {
  const { address, ids } = await startWrites(taken);
  await socketctl(address, command, "a\nb\n");
  await socketctl(address, ["write", "apollo", "--lines"], "a\na\n");
  expect(ids().slice(0, 2)).toEqual(["job-1", "job-2"]);
  expect(ids()[2]).toMatch(/^[0-9a-f-]{36}-1$/);
  expect(ids()[3]).toBe(ids()[2]?.replace(/1$/, "2"));
});

test("without a line nothing is called", async () => {
  expect(await socketctl("127.0.0.1:1", command)).toEqual({ stdout: "", stderr: "", exitCode: 0 });
});

test("a stream that breaks is opened again, and what was not answered is sent again with the same request ids", async () => {
  const { address, ids } = await startWrites((request, count) => {
    if (count === 3) throw unavailable();
    return taken(request);
  });
  expect(await socketctl(address, command, "a\nb\nc\nd\n")).toEqual({
    stdout: "id-a\nid-b\nid-c\nid-d\n",
    stderr: "socketctl: SHUTTING_DOWN: the server is shutting down; writing again in 0.25 s\n",
    exitCode: 0,
  });
  expect(ids()).toEqual(["job-1", "job-2", "job-3", "job-3", "job-4"]);
});

test("a line that could not be stored for now is sent again, and so is what follows it", async () => {
  const { address, ids } = await startWrites((request, count) =>
    count === 2 ? refusal(status.UNAVAILABLE, "STORAGE_UNAVAILABLE") : taken(request),
  );
  expect(await socketctl(address, command, "a\nb\nc\n")).toEqual({
    stdout: "id-a\nid-b\nid-c\n",
    stderr: "socketctl: STORAGE_UNAVAILABLE: as told; writing again in 0.25 s\n",
    exitCode: 0,
  });
  expect(ids()).toEqual(["job-1", "job-2", "job-3", "job-2", "job-3"]);
});

test("it gives up with 3 after a few tries without an answer between them, and says how to go on", async () => {
  const { address, ids } = await startWrites((request) => {
    if (request.message === "b") throw unavailable();
    return taken(request);
  });
  const { stdout, stderr, exitCode } = await socketctl(address, command, "a\nb\nc\n");
  expect({ stdout, exitCode }).toEqual({ stdout: "id-a\n", exitCode: 3 });
  expect(ids().slice(1)).toEqual(Array(5).fill("job-2"));
  expect(stderr.split("\n").slice(4)).toEqual([
    "socketctl: it may have happened; with --request-id job it happens once, however often it is tried",
    "socketctl: line 2 was not written:",
    "socketctl: SHUTTING_DOWN: the server is shutting down",
    "",
  ]);
});

test("a line without an answer in time ends it with 3 and tells the request id for the whole run", async () => {
  const { address, ids } = await startWrites((request, count) => (count === 1 ? taken(request) : undefined));
  const { stderr, exitCode } = await socketctl(address, [...command, "--timeout", "300ms"], "a\nb\n");
  expect(exitCode).toBe(3);
  expect(ids()).toEqual(["job-1", "job-2"]);
  expect(stderr).toBe(
    [
      "socketctl: it may have happened; with --request-id job it happens once, however often it is tried",
      "socketctl: line 2 was not written:",
      `socketctl: DEADLINE_EXCEEDED: ${address}: no answer for 0.3 s\n`,
    ].join("\n"),
  );
});

test("a silent stdin has all the time in the world, and a stream that breaks meanwhile is no news", async () => {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  const stdin = new PassThrough({ objectMode: true });
  const announced: string[] = [];
  const opened: WriteRequest[][] = [];
  let breakStream = () => {};
  const broken = new Promise<void>((resolve) => {
    breakStream = resolve;
  });

  async function* outcomesOf(sent: WriteRequest[], signal: AbortSignal) {
    yield sent.map(taken);
    if (opened.length > 1) return;
    await broken;
    signal.throwIfAborted();
    throw new CallError(status.UNAVAILABLE, "gone");
  }
  const context = {
    client: {
      writeStream: (signal: AbortSignal) => {
        const sent: WriteRequest[] = [];
        opened.push(sent);
        const send = (writes: WriteRequest[]) => void sent.push(...writes);
        return { send, end: () => {}, outcomes: outcomesOf(sent, signal) };
      },
    },
    output: { warn: (text: string) => void announced.push(text) },
    signal: new AbortController().signal,
    timeoutMs: 1_000,
    address: "nowhere",
  };

  const outcomes = writeLines(context, { groups: stdin, request: WriteRequest.fromPartial({}) });
  stdin.write(["a"]);
  expect(await outcomes.next()).toMatchObject({ value: [{ messageId: "id-a" }] });
  const next = outcomes.next();
  await vi.advanceTimersByTimeAsync(3_600_000);
  breakStream();
  await vi.advanceTimersByTimeAsync(3_600_000);
  expect(opened).toHaveLength(1);
  stdin.end(["b"]);
  expect(await next).toMatchObject({ value: [{ messageId: "id-b" }] });
  expect(await outcomes.next()).toMatchObject({ done: true });
  expect(announced).toEqual([]);
});

test("a refused line is the last, and what had been sent behind it is accounted for", async () => {
  const refused = new Set(["3", "5", "8"]);
  const { address } = await startWrites((request) => (refused.has(request.message) ? full() : taken(request)));
  const { child, result } = startSocketctl(address, command);
  // Nothing that comes later is waited for: stdin stays open.
  child.stdin.write(numbers(1, 9).join("\n").concat("\n"));
  expect(await result).toEqual({
    stdout: [1, 2, 4, 6, 7, 9].map((number) => `id-${number}\n`).join(""),
    stderr: [
      "socketctl: written, as it had been sent already: line 4, 6-7, 9",
      "socketctl: line 3 was not written:",
      "socketctl: QUEUE_FULL: as told\n",
    ].join("\n"),
    exitCode: 1,
  });
});

test("behind a refused line nothing is sent again when the stream breaks", async () => {
  const { address, ids } = await startWrites((request) => {
    if (request.message === "b") return full();
    if (request.message === "d") throw unavailable();
    return taken(request);
  });
  const { stdout, stderr, exitCode } = await socketctl(address, command, "a\nb\nc\nd\ne\n");
  expect({ stdout, exitCode }).toEqual({ stdout: "id-a\nid-c\n", exitCode: 1 });
  expect(stderr).toBe(
    [
      "socketctl: written, as it had been sent already: line 3",
      "socketctl: without an answer, as it had been sent already: line 4-5",
      "socketctl: line 2 was not written:",
      "socketctl: QUEUE_FULL: as told\n",
    ].join("\n"),
  );
  expect(ids()).toEqual(["job-1", "job-2", "job-3", "job-4"]);
});

test("a server that does not answer is sent no more than it may owe, in frames of 1,000 at most", async () => {
  const { address, writes } = await startWrites(() => undefined);
  const args = [...command, "--timeout", "1s"];
  expect(await socketctl(address, args, "x\n".repeat(20_000))).toMatchObject({ stdout: "", exitCode: 3 });
  expect(writes.items.length).toBeLessThanOrEqual(4_096);
  expect(writes.items.length).toBeGreaterThan(3_000);
});

test("an interrupt while an answer is awaited ends with 130", async () => {
  const { address, writes } = await startWrites((request, count) => (count === 1 ? taken(request) : undefined));
  const { child, result } = startSocketctl(address, command);
  child.stdin.write("a\nb\n");
  await writes.reach(2);
  child.kill("SIGINT");
  expect(await result).toMatchObject({ exitCode: 130, stderr: "" });
});

test("stdin that is not UTF-8 ends it with 2, when what came before is written", async () => {
  const { address, writes } = await startWrites(taken);
  const { child, result } = startSocketctl(address, command);
  child.stdin.write("a\n");
  await writes.reach(1);
  child.stdin.end(Uint8Array.of(0x61, 0xff));
  expect(await result).toMatchObject({ stdout: "id-a\n", exitCode: 2, stderr: expect.stringContaining("not UTF-8") });
});
