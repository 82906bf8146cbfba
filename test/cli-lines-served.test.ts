// write --lines against the real server: everything is there once and in order, whatever becomes of the server.
import { expect, test } from "vitest";
import { CreateRequest } from "../gen/ts/socketregistry/v1/socket_registry.js";
import { createClient } from "../src/cli/client.js";
import { startBench } from "./support/cli-server.js";
import { ServerProcess } from "./support/clients-server.js";
import { type Running, socketctl, startSocketctl } from "./support/socketctl.js";

const lineCount = 10_000;
const lines = Array.from({ length: lineCount }, (_, index) => `line ${index + 1}`);
const text = (part: readonly string[]) => part.map((line) => `${line}\n`).join("");

/** What waits in a queue, as `read --json` prints it. */
async function queueOf(address: string, socketId: string): Promise<{ content: string; message_id: string }[]> {
  const { stdout } = await socketctl(address, ["read", socketId, "--json"]);
  return stdout
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line));
}

test("10,000 lines stand in the queue in their order, and their ids are printed in it", async () => {
  const { address, create } = await startBench();
  await create("apollo", { config: { maxQueueSize: 2 * lineCount } });
  const written = await socketctl(address, ["write", "apollo", "--lines", "--print-id"], text(lines));
  expect(written).toMatchObject({ stderr: "", exitCode: 0 });
  const queue = await queueOf(address, "apollo");
  expect(queue.map(({ content }) => content)).toEqual(lines);
  expect(written.stdout).toBe(text(queue.map(({ message_id }) => message_id)));
});

test("a queue that gets full in the middle refuses the first line that does not fit, and those behind it", async () => {
  const { address, create } = await startBench();
  await create("apollo", { config: { maxQueueSize: 700 } });
  const { stdout, stderr, exitCode } = await socketctl(
    address,
    ["write", "apollo", "--lines", "--print-id"],
    text(lines),
  );
  expect(exitCode).toBe(1);
  expect(stderr).toMatch(/^socketctl: line 701 was not written:\nsocketctl: QUEUE_FULL: [^\n]*\n$/);
  const queue = await queueOf(address, "apollo");
  expect(queue.map(({ content }) => content)).toEqual(lines.slice(0, 700));
  expect(stdout).toBe(text(queue.map(({ message_id }) => message_id)));
});

test("a line that is too long is refused by itself, with the reason that write would give", async () => {
  const { address, create } = await startBench();
  await create("apollo");
  const long = "x".repeat(1_100_000);
  const alone = await socketctl(address, ["write", "apollo"], long);
  const { stdout, stderr, exitCode } = await socketctl(
    address,
    ["write", "apollo", "--lines", "--print-id"],
    text(["a", "b", long, "c"]),
  );
  expect(exitCode).toBe(1);
  expect(stderr.endsWith(`socketctl: line 3 was not written:\n${alone.stderr}`)).toBe(true);
  // Whether the last line had been sent already depends on how the pipe is read.
  const queue = await queueOf(address, "apollo");
  expect(queue.map(({ content }) => content)).toEqual(["a", "b", "c"].slice(0, queue.length));
  expect(queue.length).toBe(stderr.includes("written, as it had been sent already: line 4") ? 3 : 2);
  expect(stdout).toBe(text(queue.map(({ message_id }) => message_id)));
});

test("a slow stdin has the answer to a line before it gives the next", async () => {
  const { address, create, socket } = await startBench();
  await create("apollo");
  const { child, says, result } = startSocketctl(address, ["write", "apollo", "--lines", "--print-id"]);
  let printed = "";
  child.stdout.on("data", (chunk: string) => {
    printed += chunk;
  });
  for (let count = 1; count <= 3; count++) {
    child.stdin.write(`${count}\n`);
    await nextLine({ child, says, result }, () => printed.split("\n").length > count);
    expect(await socket("apollo")).toMatchObject({ queueSize: count });
  }
  child.stdin.end();
  expect(await result).toMatchObject({ stderr: "", exitCode: 0 });
});

/** Waits until stdout is as it should be. */
function nextLine({ child }: Running, isThere: () => boolean): Promise<void> {
  return new Promise((resolve, reject) => {
    const look = () => void (isThere() && resolve());
    child.stdout.on("data", look);
    child.once("close", () => reject(new Error("it ended before")));
    look();
  });
}

test("a broadcast of many lines says for each line whom it did not reach", async () => {
  const { address, create, client } = await startBench();
  await create("near");
  await create("away");
  await client.markInactive({ socketId: "away", reason: "" });
  const written = await socketctl(address, ["write", "team-chat-all", "--lines"], "a\nb\n");
  expect(written).toEqual({ stdout: "", stderr: "socketctl: skipped away: SOCKET_INACTIVE\n".repeat(2), exitCode: 0 });
});

test("a server that is killed and comes back has every line once, in order", async () => {
  const server = await ServerProcess.start();
  const { address } = server;
  const client = createClient({ address, timeoutMs: 10_000, signal: new AbortController().signal });
  await client.create(CreateRequest.fromPartial({ socketId: "apollo", config: { maxQueueSize: 2 * lineCount } }));
  client.close();

  const args = ["write", "apollo", "--lines", "--print-id", "--request-id", "job"];
  const { child, says, result } = startSocketctl(address, args);
  child.stdin.write(text(lines.slice(0, lineCount / 2)));
  await says("stdout", "\n");
  child.stdin.write(text(lines.slice(lineCount / 2)));
  await server.act("kill");
  await says("stderr", "writing again in");
  await server.act("start");
  child.stdin.end();
  let written = await result;
  expect(written.stderr).toMatch(/^(socketctl: [^\n]*; writing again in [^\n]*\n)+/);
  // On a machine that is too slow to start a server while it is tried for, the run is repeated.
  while (written.exitCode === 3) written = await socketctl(address, args, text(lines));
  expect(written.exitCode).toBe(0);

  const queue = await queueOf(address, "apollo");
  expect(queue.map(({ content }) => content)).toEqual(lines);
  expect(written.stdout).toBe(text(queue.map(({ message_id }) => message_id)));
});
