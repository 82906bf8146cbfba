// Every command of socketctl on its ordinary way: the real program, a registry over real gRPC.
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type FakeRegistry, startFakeRegistry } from "./support/fake-registry.js";
import { socketctl } from "./support/socketctl.js";

let registry: FakeRegistry;

beforeAll(async () => {
  registry = await startFakeRegistry();
});

afterAll(() => registry.stop());

/** Runs socketctl, expects success, and gives what it printed. */
async function run(args: string, stdin?: string): Promise<string> {
  const { stdout, stderr, exitCode } = await socketctl(registry.address, args.split(" "), stdin);
  expect({ stderr, exitCode }).toEqual({ stderr: "", exitCode: 0 });
  return stdout;
}

async function runJson(args: string): Promise<unknown[]> {
  const lines = (await run(args)).trimEnd().split("\n");
  return lines.map((line) => JSON.parse(line));
}

test("create prints the id, and info tells what was created", async () => {
  const words = ["create", "apollo", "--model", "claude-3", "--prompt", "You are\nApollo"];
  const settings = ["--context", '{"role":"predictor"}', "--label", "team=red", "--label", "x=a=b"];
  const limits = ["--accept-when-away", "--max-queue-size", "7"];
  const created = await socketctl(registry.address, [...words, ...settings, ...limits]);
  expect(created).toEqual({ stdout: "apollo\n", stderr: "", exitCode: 0 });

  expect(await runJson("info apollo --json")).toMatchObject([
    {
      socket_id: "apollo",
      model: "claude-3",
      prompt: "You are\nApollo",
      context: { role: "predictor" },
      state: "SOCKET_STATE_ACTIVE",
      labels: { team: "red", x: "a=b" },
      config: { accept_when_away: true, max_queue_size: 7 },
      tail: { sequence: "0" },
    },
  ]);
  const text = await run("info apollo");
  expect(text).toMatch(/^socket: +apollo\nmodel: +claude-3\nstate: +active\nlabels: +team=red x=a=b\n/);
  expect(text).toMatch(/\nprompt: +You are\n {15}Apollo\n/);
});

test("create without an id prints the one that the server made, and reads the prompt from a file", async () => {
  const folder = await mkdtemp(join(tmpdir(), "socketctl-"));
  const file = join(folder, "prompt.txt");
  await writeFile(file, "from a file\n");
  const id = (await run(`create --model made --prompt-file ${file}`)).trim();
  expect(id).toMatch(/^made_[0-9a-f]{8}$/);
  expect(await runJson(`info ${id} --json`)).toMatchObject([{ prompt: "from a file\n" }]);
  await rm(folder, { recursive: true });
});

test("create on a taken id fails, uses the existing socket or replaces it, as it is told", async () => {
  await run("create taken --model first");
  const refused = await socketctl(registry.address, ["create", "taken"]);
  expect(refused).toMatchObject({ exitCode: 1, stdout: "" });
  expect(refused.stderr).toMatch(/^socketctl: SOCKET_EXISTS: /);
  expect(await run("create taken --model second --on-conflict use-existing")).toBe("taken\n");
  expect(await runJson("info taken --json")).toMatchObject([{ model: "first" }]);
  await run("create taken --model third --on-conflict replace");
  expect(await runJson("info taken --json")).toMatchObject([{ model: "third" }]);
});

test("write takes the message from its arguments, and peek shows it without taking it", async () => {
  await run("create athena");
  expect(await run("write athena two words")).toBe("");
  const id = await run("write athena --print-id --sender apollo --thread t1 --reply-to m1 -- --dash");
  expect(id).toMatch(/^\S+\n$/);
  expect(await run("peek athena")).toBe("[team-chat-from-athena] two words\n[team-chat-from-apollo] --dash\n");
  expect(await runJson("peek athena --json")).toMatchObject([
    { content: "two words", sender: "", sequence: "1" },
    { content: "--dash", sender: "apollo", thread_id: "t1", reply_to: "m1", message_id: id.trim() },
  ]);
});

test("peek asks for further pages, stops at its limit and says that more wait", async () => {
  await run("create long");
  await run("write long --lines", "1\n2\n3\n4\n5\n");
  const limited = await socketctl(registry.address, ["peek", "long", "--limit", "3"]);
  expect(limited.stdout.split("\n")).toHaveLength(3 + 1);
  expect(limited.stderr).toContain("more wait");
  expect((await run("peek long --limit 0")).split("\n")).toHaveLength(5 + 1);
});

test("write attaches metadata, and read gives it back as JSON", async () => {
  await run("create sophia");
  await run('write sophia hello --metadata {"priority":{"level":1.5},"tags":["a",null]}');
  expect(await runJson("read sophia --json")).toMatchObject([
    { content: "hello", metadata: { priority: { level: 1.5 }, tags: ["a", null] } },
  ]);
});

test("a broadcast names whom it did not reach on stderr, but not its sender", async () => {
  for (const id of ["near", "away", "full"]) await run(`create ${id} --label group=g --max-queue-size 1`);
  await run("mark away inactive");
  await run("write full first");
  const written = await socketctl(registry.address, ["write", "team-chat-all", "hi", "--sender", "near"]);
  expect(written).toMatchObject({ stdout: "", exitCode: 0 });
  expect(written.stderr).toContain("socketctl: skipped away: SOCKET_INACTIVE\n");
  expect(written.stderr).toContain("socketctl: skipped full: QUEUE_FULL\n");
  expect(written.stderr).not.toContain("near");
});

test("ls prints a table, follows the pages, and filters", async () => {
  for (const id of ["ls-1", "ls-2", "ls-3"]) await run(`create ${id} --model lister --label of=${id}`);
  await run("mark ls-3 unresponsive");
  const [headings, first, ...others] = (await run("ls")).trimEnd().split("\n");
  expect(headings).toMatch(/^SOCKET +STATE +QUEUE +MODEL +LAST ACTIVITY +LABELS$/);
  expect(first).toMatch(/^team-chat-all +active +\d+ +broadcast +\d{4}-\d\d-\d\dT/);
  expect(others.filter((line) => line.startsWith("ls-"))).toHaveLength(3);
  expect(await runJson("ls --json --model lister")).toHaveLength(3);
  expect(await runJson("ls --json --label of=ls-2")).toMatchObject([{ socket_id: "ls-2" }]);
  expect(await runJson("ls --json --model lister --state unresponsive --state inactive")).toMatchObject([
    { socket_id: "ls-3", state: "SOCKET_STATE_UNRESPONSIVE" },
  ]);
});

test("mark changes the state, and says why", async () => {
  await run("create marked");
  const command = ["mark", "marked", "unresponsive", "--reason", "does not answer"];
  expect(await socketctl(registry.address, command)).toMatchObject({ stdout: "", exitCode: 0 });
  expect(await run("info marked")).toContain("unresponsive (OPERATOR: does not answer)");
  await run("mark marked active");
  expect(await runJson("info marked --json")).toMatchObject([{ state: "SOCKET_STATE_ACTIVE" }]);
});

test("reset clears the queue and says how much that was", async () => {
  await run("create cleared");
  await run("write cleared --lines", "1\n2\n");
  const reset = await socketctl(registry.address, ["reset", "cleared", "--scope", "queue"]);
  expect(reset).toEqual({ stdout: "", stderr: "socketctl: cleared: 2 messages dropped\n", exitCode: 0 });
  expect(await run("read cleared")).toBe("");
  const stale = await socketctl(registry.address, ["reset", "cleared", "--etag", "other"]);
  expect(stale).toMatchObject({ exitCode: 1 });
  expect(stale.stderr).toMatch(/^socketctl: ETAG_MISMATCH: /);
});

test("rm deletes several sockets, goes on after a missing one, and can let that pass", async () => {
  await run("create rm-1");
  await run("create rm-2");
  const removed = await socketctl(registry.address, ["rm", "rm-1", "rm-none", "rm-2"]);
  expect(removed).toMatchObject({ stdout: "", exitCode: 4 });
  expect(removed.stderr).toMatch(/^socketctl: SOCKET_NOT_FOUND: [^\n]*\n$/);
  expect(await run("rm rm-2 --allow-missing")).toBe("");
});

test("server tells about the server, with 64-bit numbers whole", async () => {
  expect(await run("server")).toMatch(/^version: +\S+\n[\s\S]*durability: +fsync\n[\s\S]*replication: +off\n/);
  const [info] = await runJson("server --json");
  expect(info).toMatchObject({ durability: "fsync", replication: { state: "REPLICATION_STATE_OFF" } });
  expect(info).toMatchObject({ revision: expect.stringMatching(/^\d+$/) });
});

test("help and version answer on stdout, each command has help of its own", async () => {
  const manual = await run("help");
  expect(manual).toContain("exit codes:");
  expect(await run("--help")).toBe(manual);
  expect(await run("version")).toMatch(/^socketctl \d+\.\d+\.\d+\n$/);
  const names = [...manual.matchAll(/^ {2}(\w+) +[A-Z]/gm)].map(([, name = ""]) => name);
  const commands = names.filter((name) => name !== "help" && name !== "version");
  expect(commands).toHaveLength(20);
  const helps = await Promise.all(commands.map((name) => run(`${name} --help`)));
  for (const [index, name] of commands.entries()) {
    expect(helps[index]).toMatch(new RegExp(`^usage: socketctl ${name} `));
  }
  expect(await run("help write")).toBe(helps[commands.indexOf("write")]);
});
