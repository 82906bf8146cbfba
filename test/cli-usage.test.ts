// What socketctl does with wrong command lines, absent servers and every form of stdin.
import { existsSync } from "node:fs";
import { PassThrough, Readable } from "node:stream";
import { afterAll, beforeAll, expect, test } from "vitest";
import { CreateRequest } from "../gen/ts/socketregistry/v1/socket_registry.js";
import { createClient, type RegistryClient } from "../src/cli/client.js";
import { createInput } from "../src/cli/input.js";
import { createOutput } from "../src/cli/output.js";
import { runProgram } from "../src/cli/program.js";
import { type FakeRegistry, startFakeRegistry } from "./support/fake-registry.js";
import { socketctl, startShell, startSocketctl } from "./support/socketctl.js";

let registry: FakeRegistry;
let client: RegistryClient;

beforeAll(async () => {
  registry = await startFakeRegistry();
  const { signal } = new AbortController();
  client = createClient({ address: registry.address, timeoutMs: 10_000, signal });
});

afterAll(() => {
  client.close();
  return registry.stop();
});

function create(socketId: string, maxQueueSize = 1_000) {
  return client.create(CreateRequest.fromPartial({ socketId, config: { maxQueueSize } }));
}

const run = (args: readonly string[], stdin?: string | Uint8Array) => socketctl(registry.address, args, stdin);

/** Runs the program in this process: there are many wrong command lines, and processes are slow. */
async function runInside(args: readonly string[]) {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const stop = new AbortController();
  const output = createOutput({ stdout, stderr, stop });
  const input = createInput(() => Readable.from([]));
  const { address } = registry;
  const { signal } = stop;
  const exitCode = await runProgram(args, { address, input, output, signal, hurry: () => signal });
  return { stdout: String(stdout.read() ?? ""), stderr: String(stderr.read() ?? ""), exitCode };
}

test.each([
  [["frobnicate"], 'there is no command "frobnicate"'],
  [[], "which command?"],
  [["ls", "--nope"], "Unknown option '--nope'"],
  [["--nope", "ls"], "Unknown option '--nope'"],
  [["ls", "extra"], 'ls does not take "extra"'],
  [["read"], "read needs SOCKET"],
  [["rm"], "rm needs SOCKET"],
  [["mark", "x"], "mark needs STATE"],
  [["mark", "x", "asleep"], "STATE must be active or inactive or unresponsive"],
  [["write", "x", "y", "--metadata", "[1]"], "--metadata must be a JSON object"],
  [["write", "x", "y", "--metadata", "{"], "--metadata is not JSON"],
  [["write", "x", "y", "--lines"], "--lines takes its messages from stdin"],
  [["create", "--label", "novalue"], "--label must be key=value"],
  [["create", "--max-queue-size", "-1"], "ambiguous"],
  [["create", "--max-queue-size", "4294967296"], "--max-queue-size must be a number"],
  [["create", "--on-conflict", "toString"], "--on-conflict must be fail or use-existing or replace"],
  [["create", "--prompt", "a", "--prompt-file", "b"], "exclude each other"],
  [["create", "--prompt-file", "/nonexistent"], "ENOENT"],
  [["read", "x", "--after", "7"], "--after must be EPOCH:SEQUENCE"],
  [["read", "x", "--follow", "--no-wait"], "exclude each other"],
  [["read", "x", "--max-messages", "0"], "--max-messages must be at least 1"],
  [["ls", "--timeout", "0"], "--timeout must be a number of seconds"],
  [
    ["ls", "--timeout", "5 minutes"],
    '--timeout must be a number of seconds, or one like 500ms, 5m, 2h or 7d, not "5 m',
  ],
  [["create", "--ack-deadline", "-1s"], "ambiguous"],
  [["create", "--message-ttl", "99999d"], "--message-ttl must be a number of seconds"],
  [["create", "--overflow-policy", "ignore"], "--overflow-policy must be reject or drop-oldest"],
  [["read", "x", "--ack", "--after", ":1"], "--ack and --after exclude each other"],
  [["read", "x", "--exec", "true", "--ack-mode", "none"], "--exec and --ack-mode exclude each other"],
  [["read", "x", "--max-outstanding", "0"], "--max-outstanding must be at least 1"],
  [
    ["read", "x", "--max-outstanding", "2", "--ack-mode", "auto"],
    "--max-outstanding and --ack-mode exclude each other",
  ],
  [["read", "x", "--ack", "--retry-delay", "1s"], "--retry-delay goes with --exec"],
  [["ack", "x"], "ack needs SEQUENCE or --through"],
  [["ack", "x", "one"], 'SEQUENCE must be a whole number, not "one"'],
  [["ack", "x", "1", "--nack", "--extend", "1s"], "--nack and --extend exclude each other"],
  [["ack", "x", "1", "--retry-delay", "1s"], "--retry-delay goes with --nack"],
  [["requeue", "x", "18446744073709551616"], "SEQUENCE must be a whole number"],
  [["ask"], "ask needs MESSAGE"],
  [["ask", "x", "How", "are", "you"], 'ask does not take "are"'],
  [["watch", "--after-revision", "now"], "--after-revision must be a whole number"],
  [["receipt"], "receipt needs MESSAGE_ID"],
  [["update", "x"], "update needs something to change"],
  [["update", "x", "--label", "a=b", "--no-labels"], "--label and --no-labels exclude each other"],
  [["update", "x", "--default", "model"], "--default must be one of lease-duration, message-ttl"],
  [["update", "x", "--message-ttl", "1h", "--default", "message-ttl"], "message-ttl is given a value and its default"],
  [["update", "x", "--accept-when-away", "--refuse-when-away"], "exclude each other"],
  [["rm", "x", "y", "--etag", "e"], "--etag goes with one socket"],
])("%j is refused with exit code 2", async (args, text) => {
  const { stdout, stderr, exitCode } = await runInside(args);
  expect({ stdout, exitCode }).toEqual({ stdout: "", exitCode: 2 });
  expect(stderr).toContain(text);
});

test("a wrong command line shows the usage of its command", async () => {
  const { stderr } = await run(["write", "--nope"]);
  expect(stderr).toContain("usage: socketctl write SOCKET [MESSAGE...] [OPTION...]\n");
});

test("options of every command may come before it, and --address wins over the environment", async () => {
  const args = ["--timeout", "5", "--address", registry.address, "ls", "--json"];
  expect(await socketctl("127.0.0.1:1", args)).toMatchObject({ exitCode: 0, stderr: "" });
});

test("a server that is not there gives exit code 3 and its address", async () => {
  const reads = [
    ["read", "x"],
    ["read", "x", "--follow"],
    ["read", "x", "--ack"],
    ["read", "x", "--exec", "true"],
  ];
  for (const args of [["ls"], ...reads, ["chat"], ["rm", "a", "b"], ["watch"], ["heartbeat", "x"], ["ack", "x", "1"]]) {
    const { stdout, stderr, exitCode } = await socketctl("127.0.0.1:1", args);
    expect({ args, stdout, exitCode }).toEqual({ args, stdout: "", exitCode: 3 });
    expect(stderr).toMatch(/^socketctl: UNAVAILABLE: 127\.0\.0\.1:1: [^\n]*\n$/);
  }
});

test("what is not there gives exit code 4, a lost position 5, another refusal 1", async () => {
  expect(await run(["read", "nobody"])).toMatchObject({ exitCode: 4, stdout: "" });
  expect((await run(["info", "nobody"])).stderr).toMatch(/^socketctl: SOCKET_NOT_FOUND: /);
  await create("codes", 1);
  const lost = await run(["read", "codes", "--ack-mode", "none", "--after", "gone:5"]);
  expect(lost).toMatchObject({ exitCode: 5, stdout: "" });
  expect(lost.stderr).toMatch(/^socketctl: POSITION_LOST: /);
  await run(["write", "codes", "first"]);
  const full = await run(["write", "codes", "second"]);
  expect(full).toMatchObject({ exitCode: 1, stdout: "" });
  expect(full.stderr).toMatch(/^socketctl: QUEUE_FULL: /);
});

test("without a message, write takes stdin as one message and drops its last newline only", async () => {
  await create("stdin");
  for (const text of ["one", "two\n", "three\n\n", "\n", "é\r\n"]) {
    expect(await run(["write", "stdin"], text)).toMatchObject({ exitCode: 0, stderr: "" });
  }
  const { stdout } = await run(["read", "stdin", "--json"]);
  const contents = stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line).content);
  expect(contents).toEqual(["one", "two", "three\n", "", "é"]);
});

test("an empty message is written when it is an argument, and not when stdin is empty", async () => {
  await create("empty");
  expect(await run(["write", "empty"], "")).toMatchObject({ exitCode: 2 });
  expect(await run(["write", "empty", ""])).toMatchObject({ exitCode: 0 });
  expect((await run(["read", "empty"])).stdout).toBe("[team-chat-from-empty] \n");
});

test("stdin that is not UTF-8 is refused", async () => {
  await create("binary");
  const { stderr, exitCode } = await run(["write", "binary"], Uint8Array.of(0x61, 0xff));
  expect({ stderr, exitCode }).toMatchObject({ exitCode: 2 });
  expect(stderr).toContain("stdin is not UTF-8");
});

test("--lines writes each line as it comes, in order, and prints the ids in that order", async () => {
  await create("lines");
  const lines = Array.from({ length: 200 }, (_, index) => `line ${index}`);
  const written = await run(["write", "lines", "--lines", "--print-id"], lines.join("\n"));
  expect(written).toMatchObject({ stderr: "", exitCode: 0 });
  const { stdout } = await run(["read", "lines", "--json"]);
  const messages = stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
  expect(messages.map(({ content }) => content)).toEqual(lines);
  expect(written.stdout).toBe(messages.map(({ message_id }) => `${message_id}\n`).join(""));
});

test("--lines does not wait for the end of stdin, and ends at the first line that is refused", async () => {
  await create("narrow", 1);
  const { child, says, result } = startSocketctl(registry.address, ["write", "narrow", "--lines", "--print-id"]);
  child.stdin.write("first\n");
  await says("stdout", "\n");
  child.stdin.write("second\nthird\n");
  const { stderr, exitCode } = await result;
  expect(exitCode).toBe(1);
  expect(stderr).toMatch(/^socketctl: line 2 was not written:\nsocketctl: QUEUE_FULL: [^\n]*\n$/);
});

test("an interrupt while stdin is awaited ends with 130", async () => {
  await create("waiting");
  const { child, says, result } = startSocketctl(registry.address, ["write", "waiting", "--lines", "--print-id"]);
  child.stdin.write("first\n");
  await says("stdout", "\n");
  child.kill("SIGINT");
  expect(await result).toMatchObject({ exitCode: 130, stderr: "" });
});

test.skipIf(!existsSync("/dev/full"))("output that cannot be written gives exit code 74", async () => {
  const script = "socketctl ls > /dev/full; echo code $?";
  const { stdout, stderr } = await startShell(registry.address, script).result;
  expect(stdout).toBe("code 74\n");
  expect(stderr).toMatch(/^socketctl: stdout: ENOSPC/);
});
