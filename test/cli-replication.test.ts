// The commands about the replica: `replication` asks a registry, `restore --dry-run` asks an Engram.
import { writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { GetServerInfoResponse, ReplicationState } from "../gen/ts/socketregistry/v1/socket_registry.js";
import { answer, startScript } from "./support/cli-script.js";
import { startTestEngram, type TestEngram } from "./support/engram.js";
import { keysOf, replicated, startReplicated, storeRecord, until } from "./support/replicated.js";
import { startTestServer } from "./support/server.js";
import { socketctl, startSocketctl } from "./support/socketctl.js";
import { tempDir } from "./support/temp-dir.js";

const time = String.raw`\d{4}-\d\d-\d\dT\S+Z`;
/** Where nobody listens. */
const nowhere = "127.0.0.1:9";

/** Without a registry, which is when one wants to know. */
function dryRun(url: string, ...options: string[]) {
  return socketctl(nowhere, ["restore", "--dry-run", "--engram-url", url, ...options]);
}

/** Two sockets, a message to each and one to both. */
async function startTeam(engram: TestEngram) {
  const registry = await startReplicated(engram.url);
  for (const id of ["apollo", "athena"]) await registry.create({ socketId: id });
  for (const id of ["apollo", "athena", "team-chat-all"])
    await registry.write({ socketId: id, message: "hi", sender: "zeus" });
  await replicated(registry);
  return registry;
}

test("replication of a server without an Engram is off, and that is well", async () => {
  const server = await startTestServer();
  const off = { stdout: "state: off\n", stderr: "", exitCode: 0 };
  expect(await socketctl(server.address, ["replication"])).toEqual(off);
  const { stdout } = await socketctl(server.address, ["replication", "--json"]);
  const status = { target: "", state: "REPLICATION_STATE_OFF", lag_entries: "0", lag_seconds: 0, last_error: "" };
  expect(JSON.parse(stdout)).toMatchObject(status);
  await server.stop();
});

test("a server that tells nothing of replication has none", async () => {
  const address = await startScript({ getServerInfo: answer(() => GetServerInfoResponse.fromPartial({})) });
  expect(await socketctl(address, ["replication"])).toEqual({ stdout: "state: off\n", stderr: "", exitCode: 0 });
});

test("replication tells how well the Engram follows, and server tells it in a line", async () => {
  const engram = await startTestEngram();
  const { server } = await startTeam(engram);
  const { stdout, ...others } = await socketctl(server.address, ["replication"]);
  expect(others).toEqual({ stderr: "", exitCode: 0 });
  expect(stdout.split("\n")).toEqual([
    "state:        replicating",
    `target:       ${engram.url}`,
    "dialect:      kv",
    "behind:       0 entries and 0 s",
    expect.stringMatching(new RegExp(`^last success: ${time}$`)),
    "",
  ]);
  const json = await socketctl(server.address, ["replication", "--json"]);
  expect(JSON.parse(json.stdout)).toEqual({
    target: engram.url,
    dialect: "kv",
    state: "REPLICATION_STATE_REPLICATING",
    lag_entries: "0",
    lag_seconds: 0,
    last_success_time: expect.stringMatching(new RegExp(`^${time}$`)),
    last_error: "",
  });
  const line = `replication:   replicating: ${engram.url} (kv), 0 entries and 0 s behind\n`;
  expect((await socketctl(server.address, ["server"])).stdout).toContain(line);
});

test("replication exits with 7 while the Engram is away, and with 0 when it has caught up", async () => {
  const engram = await startTestEngram();
  const registry = await startTeam(engram);
  const { address } = registry.server;
  await engram.fault({ fault: "down" });
  await registry.write({ socketId: "apollo", message: "more", sender: "zeus" });
  await until(registry, ({ state }) => state === ReplicationState.REPLICATION_STATE_LAGGING);
  const { stdout, stderr, exitCode } = await socketctl(address, ["replication"]);
  expect({ stderr, exitCode }).toEqual({ stderr: "", exitCode: 7 });
  expect(stdout).toMatch(
    /^state: +lagging\n.*\ndialect: +kv\nbehind: +1 entry and [\d.]+ s\nlast success: .*\nlast error: +\S/,
  );
  expect((await socketctl(address, ["replication", "--json"])).exitCode).toBe(7);
  await engram.clearFault();
  await replicated(registry);
  expect(await socketctl(address, ["replication"])).toMatchObject({
    stdout: expect.stringMatching(/^state: +replicating\n[\s\S]*last error: /),
    exitCode: 0,
  });
});

test("replication exits with 7 when nobody has answered yet", async () => {
  const engram = await startTestEngram();
  await engram.stop();
  const registry = await startReplicated(engram.url, { restore: "never" });
  await until(registry, ({ lastError }) => lastError !== "");
  const { stdout, exitCode } = await socketctl(registry.server.address, ["replication"]);
  expect(exitCode).toBe(7);
  expect(stdout).toMatch(/^state: +connecting\ntarget: .*\nbehind: .*\nlast error: GET \/health: ECONNREFUSED\n$/);
});

test("replication says why an Engram cannot hold the state, and exits with 7", async () => {
  const engram = await startTestEngram({ personality: "head" });
  const registry = await startReplicated(engram.url);
  await until(registry, ({ state }) => state === ReplicationState.REPLICATION_STATE_INCOMPATIBLE);
  const { stdout, exitCode } = await socketctl(registry.server.address, ["replication"]);
  expect(exitCode).toBe(7);
  expect(stdout).toMatch(/^state: +incompatible\n[\s\S]*\nlast error: this Engram cannot hold state: /);
});

test("restore without --dry-run says how a restore is done", async () => {
  const { stdout, stderr, exitCode } = await socketctl(nowhere, ["restore", "--engram-url", "http://127.0.0.1:9"]);
  expect({ stdout, exitCode }).toEqual({ stdout: "", exitCode: 2 });
  expect(stderr).toContain("with an empty data directory");
  expect(stderr).toContain("--restore merge");
});

test.each([
  [[], "--engram-url is needed"],
  [["--engram-url", "engram"], "--engram-url: Invalid URL"],
  [["--engram-url", "ftp://127.0.0.1"], "--engram-url: the address of Engram must begin with http(s)://"],
  [["--engram-url", "http://me:secret@127.0.0.1"], "--engram-url: the address of Engram may hold no user"],
  [["--engram-url", "http://127.0.0.1:9", "--engram-namespace", ".."], '--engram-namespace: ".." cannot be'],
  [["--engram-url", "http://127.0.0.1:9", "--engram-token-file", "/nonexistent"], "--engram-token-file /nonexistent: "],
])("restore --dry-run %j is refused with exit code 2", async (options, text) => {
  const { stdout, stderr, exitCode } = await socketctl(nowhere, ["restore", "--dry-run", ...options]);
  expect({ stdout, exitCode }).toEqual({ stdout: "", exitCode: 2 });
  expect(stderr).toContain(text);
  expect(stderr).not.toContain("secret");
});

test.each(["kv", "mid"] as const)(
  "restore --dry-run tells what a %s Engram has, and that is restored",
  async (personality) => {
    const engram = await startTestEngram({ personality });
    const dialect = personality === "kv" ? "kv" : "v1-log";
    const registry = await startTeam(engram);
    const { epoch, revision } = await registry.info();
    const pieces = expect.stringMatching(/^pieces: +[1-9]\d*$/);
    const lines = (writer: string) => [
      `engram:     ${engram.url} (${dialect})`,
      "namespace:  rhetor_sockets",
      `registry:   ${epoch}`,
      expect.stringMatching(new RegExp(`^revision:   ${revision}(, known to be complete up to \\d+)?$`)),
      `written by: a process on ${hostname()}, which ${writer}`,
      ...[pieces, "sockets:    2", "messages:   3", ""],
    ];
    const { stdout, ...others } = await dryRun(engram.url);
    expect(others).toEqual({ stderr: "", exitCode: 0 });
    expect(stdout.split("\n")).toEqual(lines("has not said that it stopped"));

    await registry.server.stop();
    expect((await dryRun(engram.url)).stdout.split("\n")).toEqual(lines("has stopped"));
    expect(JSON.parse((await dryRun(engram.url, "--json")).stdout)).toEqual({
      ...{ engram: engram.url, dialect, namespace: "rhetor_sockets", instance: epoch },
      ...{ revision: String(revision), complete_revision: String(revision), host: hostname(), pid: 0, released: true },
      ...{ pieces: expect.any(Number), socket_count: 2, message_count: 3 },
    });

    const again = await startReplicated(engram.url);
    expect(again.server.logged).toContainEqual(
      expect.objectContaining({ msg: "restored from the peer", socketCount: 2, messageCount: 3 }),
    );
  },
);

test("restore --dry-run changes nothing, also under a registry that writes", async () => {
  const engram = await startTestEngram();
  const registry = await startTeam(engram);
  const namespaces = ["rhetor_sockets", "rhetor_sockets.log", "rhetor_sockets.dry-run"];
  const keys = () => Promise.all(namespaces.map((namespace) => keysOf(engram, namespace)));
  const before = await keys();
  expect(before[1]).not.toEqual([]);
  expect(await dryRun(engram.url)).toMatchObject({ exitCode: 0 });
  expect(await keys()).toEqual(before);
  expect(before[2]).toEqual([]);
  await registry.write({ socketId: "apollo", message: "more", sender: "zeus" });
  await replicated(registry);
  expect(await registry.info()).toMatchObject({ replication: { lastError: "" } });
});

test("restore --dry-run counts the records of an original Rhetor, whose team feed brings nothing", async () => {
  const engram = await startTestEngram();
  for (const key of ["apollo", "athena", "team-chat-all"]) await storeRecord(engram, key, { socket_id: key });
  expect(await dryRun(engram.url)).toEqual({
    stdout: [
      `engram:    ${engram.url} (kv)`,
      "namespace: rhetor_sockets",
      "records:   2, of an original Rhetor: each is a socket with its messages",
      "",
    ].join("\n"),
    stderr: "",
    exitCode: 0,
  });
  const { stdout } = await dryRun(engram.url, "--json");
  expect(JSON.parse(stdout)).toMatchObject({ namespace: "rhetor_sockets", pieces: 0, records: 2 });
});

test("restore --dry-run exits with 7 when there is nothing in the namespace", async () => {
  const engram = await startTestEngram();
  await startTeam(engram);
  expect(await dryRun(engram.url, "--engram-namespace", "other")).toEqual({
    stdout: `engram:    ${engram.url} (kv)\nnamespace: other\nstate:     none: there is nothing to restore\n`,
    stderr: "",
    exitCode: 7,
  });
});

test("restore --dry-run shows the token that the Engram asks for", async () => {
  const engram = await startTestEngram({ token: "s3cret" });
  const file = join(tempDir(), "token");
  writeFileSync(file, "s3cret\n");
  expect(await dryRun(engram.url, "--engram-token-file", file)).toMatchObject({ stderr: "", exitCode: 7 });
  const { stdout, stderr, exitCode } = await dryRun(engram.url);
  expect({ stdout, exitCode }).toEqual({ stdout: "", exitCode: 1 });
  expect(stderr).toMatch(
    /^socketctl: INCOMPATIBLE: http:\/\/\S+: this Engram does not take our token, or wants one: .*401\n$/,
  );
});

test("an Engram that is not there, or does not answer in time, gives exit code 3", async () => {
  const engram = await startTestEngram();
  await engram.fault({ fault: "hang" });
  expect(await dryRun(engram.url, "--timeout", "200ms")).toEqual({
    stdout: "",
    stderr: `socketctl: TIMEOUT: ${engram.url}: GET /health was not answered within 200 ms\n`,
    exitCode: 3,
  });
  await engram.fault({ fault: "down" });
  expect(await dryRun(engram.url)).toEqual({
    stdout: "",
    stderr: `socketctl: UNREACHABLE: ${engram.url}: GET /health: ECONNREFUSED\n`,
    exitCode: 3,
  });
});

test("an Engram that cannot hold a state gives exit code 1 and the reason", async () => {
  const engram = await startTestEngram();
  await engram.fault({ fault: "lie-on-delete" });
  const reason = "this Engram cannot hold state: kv: DELETE answers 200 and does nothing";
  const refused = { stdout: "", stderr: `socketctl: INCOMPATIBLE: ${engram.url}: ${reason}\n`, exitCode: 1 };
  expect(await dryRun(engram.url)).toEqual(refused);
  await engram.clearFault();
  await engram.become("head");
  expect(await dryRun(engram.url)).toMatchObject({ exitCode: 1, stderr: expect.stringContaining("cannot hold state") });
});

test("an interrupt while an Engram is awaited ends with 130", async () => {
  const engram = await startTestEngram();
  await engram.fault({ fault: "hang" });
  const args = ["restore", "--dry-run", "--engram-url", engram.url];
  const { child, result } = startSocketctl(nowhere, args);
  await expect.poll(async () => (await engram.stats()).requests.total).toBeGreaterThan(0);
  child.kill("SIGINT");
  expect(await result).toEqual({ stdout: "", stderr: "", exitCode: 130 });
});
