/** The service that keeps memories as a process: what it is told, what it says, and what is left when it is killed. */
import { readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { configWith, helpText, readConfig, settings } from "../src/engram/config.js";
import { flagOf, SettingsError } from "../src/settings.js";
import { ask } from "./support/engram-http.js";
import { compileServer, isAlive, Program, root } from "./support/process.js";
import { tempDir } from "./support/temp-dir.js";

const dist = compileServer();
const main = `${dist}/src/engram/main.js`;

function run(...flags: string[]): Program {
  const given = new Set(flags.map((flag) => flag.split("=")[0]));
  const defaults = ["--listen=127.0.0.1:0", "--log-level=trace"].filter((flag) => !given.has(flag.split("=")[0]));
  return new Program(process.execPath, [main, ...defaults, ...flags]);
}

async function start(dataDir: string, ...flags: string[]) {
  const program = run(`--data-dir=${dataDir}`, ...flags);
  const line = await program.line("listening");
  return { program, line, url: String(line["url"]) };
}

const put = (url: string, key: string, data: unknown) =>
  ask(url, { method: "POST", path: "/memory/n", body: { key, data, metadata: { key } } });

async function listed(url: string): Promise<string[]> {
  const { memories } = (await ask(url, { path: "/memory/n?limit=1000000" })).json() as { memories: { key: string }[] };
  return memories.map(({ key }) => key);
}

function faultsOf(...args: string[]): readonly string[] {
  try {
    readConfig(args);
  } catch (error) {
    if (error instanceof SettingsError) return error.faults;
    throw error;
  }
  return [];
}

/** Stores from eight sides at once until the service is gone, which `onTwenty` sees to. @returns what was answered */
async function putUntilGone(url: string, onTwenty: () => void): Promise<string[]> {
  const answered: string[] = [];
  const writer = async (name: number): Promise<void> => {
    for (let turn = 0; ; turn++) {
      const key = `${name}-${turn}`;
      const { status } = await put(url, key, { of: key });
      if (status === 200) answered.push(key);
      if (answered.length === 20) onTwenty();
    }
  };
  const ends = await Promise.allSettled(Array.from({ length: 8 }, (_, name) => writer(name)));
  for (const end of ends) expect(end.status).toBe("rejected");
  return answered;
}

test.each(["SIGTERM", "SIGKILL"] as const)(
  "every memory that was answered before %s is there after it, data and metadata",
  async (signal) => {
    const dataDir = tempDir();
    const first = await start(dataDir);
    const answered = await putUntilGone(first.url, () => first.program.kill(signal));
    expect(await first.program.exit).toBe(signal === "SIGTERM" ? 0 : "SIGKILL");
    const { url } = await start(dataDir);
    const kept = new Set(await listed(url));
    expect(answered.filter((key) => !kept.has(key))).toEqual([]);
    for (const key of kept) {
      const { json } = await ask(url, { path: `/memory/n/${key}` });
      expect(json()).toEqual({ key, data: { of: key }, metadata: { key }, namespace: "n" });
    }
  },
);

test("what mid added is there after a kill, and deletions are durable too", async () => {
  const dataDir = tempDir();
  const first = await start(dataDir, "--test-switches", "--personality=mid");
  const add = { method: "POST", path: "/api/v1/memory", body: { content: "an entry" } };
  expect((await ask(first.url, add)).json()).toEqual({ id: true, status: "success" });
  first.program.kill("SIGKILL");
  await first.program.exit;
  const second = await start(dataDir, "--test-switches", "--personality=mid");
  const search = { method: "POST", path: "/api/v1/search", body: { query: "entry" } };
  expect((await ask(second.url, search)).json()).toMatchObject({ count: 1, results: [{ content: "an entry" }] });
  await ask(String(second.line["switchesUrl"]), { method: "PUT", path: "/_personality", body: { personality: "kv" } });
  await put(second.url, "a", 1);
  expect((await ask(second.url, { method: "DELETE", path: "/memory/n/a" })).status).toBe(200);
  second.program.kill("SIGKILL");
  await second.program.exit;
  expect(await listed((await start(dataDir)).url)).toEqual([]);
});

test("a disk that fails is told to callers, loses nothing that was answered, and is used again when it works", async () => {
  const dataDir = tempDir();
  // No file may grow beyond so many KiB: LevelDB's log soon wants to, and begins a new one when it is opened again.
  const limited = `ulimit -f 256; exec "${process.execPath}" "${main}" --listen=127.0.0.1:0 --data-dir="${dataDir}"`;
  const program = new Program("/bin/bash", ["-c", limited]);
  const url = String((await program.line("listening"))["url"]);
  const answered: string[] = [];
  let failed = 0;
  for (let turn = 0; turn < 60 && failed < 2; turn++) {
    const { status, json } = await put(url, `k${turn}`, "x".repeat(20_000));
    if (status === 200) answered.push(`k${turn}`);
    else {
      failed++;
      expect([status, json()]).toEqual([503, { detail: "the store is not available" }]);
    }
  }
  expect(failed).toBe(2);
  expect(answered.length).toBeGreaterThan(10);
  const kept = new Set(await listed(url));
  expect(answered.filter((key) => !kept.has(key))).toEqual([]);
  program.kill();
  expect(await program.exit).toBe(0);
});

test("a data directory that is in use, or cannot be made, is one clear line and the exit code 1", async () => {
  const dataDir = tempDir();
  const first = await start(dataDir);
  for (const [folder, error] of [
    [dataDir, `${dataDir} is in use by another process`],
    ["/dev/null/below", "/dev/null/below"],
  ] as const) {
    const second = run(`--data-dir=${folder}`);
    expect(await second.exit).toBe(1);
    expect(second.lines).toHaveLength(1);
    expect(String(second.lines[0]?.["msg"])).toMatch(/^the service cannot start: /);
    expect(String(second.lines[0]?.["msg"])).toContain(error);
  }
  expect((await put(first.url, "a", 1)).status).toBe(200);
});

test("a port that is in use is one clear line and the exit code 1, for the service and for the switches", async () => {
  const { url } = await start(tempDir());
  const { host } = new URL(url);
  for (const flags of [[`--listen=${host}`], ["--test-switches", `--switches-listen=${host}`]]) {
    const second = run(`--data-dir=${tempDir()}`, ...flags);
    expect(await second.exit).toBe(1);
    expect(second.lines.map(({ msg }) => msg)).toEqual([`the service cannot start: ${host} is in use (EADDRINUSE)`]);
  }
});

test("the token is read from its file, and a file without one is a clear error", async () => {
  const folder = tempDir();
  const file = (name: string, text: string) => {
    const path = join(folder, name);
    writeFileSync(path, text);
    return path;
  };
  const { url } = await start(tempDir(), `--token-file=${file("token", "s3cret\n")}`);
  expect((await ask(url, { path: "/" })).status).toBe(401);
  expect((await ask(url, { path: "/", headers: { authorization: "Bearer s3cret" } })).status).toBe(200);
  for (const path of [file("empty", "\n"), file("two", "two words"), join(folder, "none")]) {
    const program = run(`--data-dir=${tempDir()}`, `--token-file=${path}`);
    expect(await program.exit).toBe(1);
    expect(String(program.lines[0]?.["msg"])).toContain(path);
  }
});

test("without the flag for tests there are no switches", async () => {
  const { url, line } = await start(tempDir());
  expect(line).not.toHaveProperty("switchesUrl");
  for (const [method, path] of [
    ["PUT", "/_fault"],
    ["PUT", "/_personality"],
    ["GET", "/_stats"],
    ["DELETE", "/_stats"],
  ] as const) {
    const asked = method === "PUT" ? { method, path, body: { fault: "loss" } } : { method, path };
    expect((await ask(url, asked)).status).toBe(404);
  }
});

test("with the flag it says where the switches are, and they work there", async () => {
  const { line, url } = await start(tempDir(), "--test-switches", "--switches-listen=127.0.0.1:0");
  const switchesUrl = String(line["switchesUrl"]);
  const fault = (body: object) => ask(switchesUrl, { method: "PUT", path: "/_fault", body });
  await fault({ fault: "down" });
  await expect(ask(url, { path: "/health" })).rejects.toMatchObject({ code: "ECONNREFUSED" });
  await fault({ fault: "none" });
  expect((await ask(url, { path: "/health" })).status).toBe(200);
});

test("it serves on an IPv6 address and on localhost", async () => {
  for (const host of ["[::1]", "localhost"]) {
    const { url, program } = await start(tempDir(), `--listen=${host}:0`);
    expect(new URL(url).hostname).toBe(host);
    expect((await put(url, "a", 1)).status).toBe(200);
    program.kill("SIGINT");
    expect(await program.exit).toBe(0);
  }
});

test("no token, key, namespace, data or metadata comes into the log, at any level", async () => {
  const file = join(tempDir(), "token");
  writeFileSync(file, "secret-1");
  const { url, program } = await start(tempDir(), `--token-file=${file}`);
  const headers = { authorization: "Bearer secret-1" };
  const body = { key: "secret-2", data: "secret-3", metadata: { m: "secret-4" } };
  await ask(url, { method: "POST", path: "/memory/secret-5", body, headers });
  await ask(url, { path: "/memory/secret-5/secret-2", headers });
  await ask(url, { path: "/memory/secret-5/%zz", headers });
  await ask(url, { path: "/memory/secret-5/x", headers: { authorization: "Bearer secret-6" } });
  await ask(url, { method: "POST", path: "/memory/secret-5", body: "secret-7", headers });
  program.kill();
  expect(await program.exit).toBe(0);
  expect(program.stderr).not.toContain("secret");
  expect(program.lines.map(({ msg }) => msg)).toEqual(["listening", "stopping", "stopped"]);
});

test("npm run engram runs it, --help lists the settings, and SIGTERM to npm leaves nothing behind", async () => {
  // The script of package.json over what is compiled already: the build would write where another test may be reading.
  const folder = tempDir();
  const { scripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  expect(scripts.engram).toMatch(/^npm run --silent build && /);
  writeFileSync(join(folder, "package.json"), JSON.stringify({ scripts: { engram: scripts.engram, build: "true" } }));
  symlinkSync(dist, join(folder, "dist"));
  const script = ["--prefix", folder, "run", "engram", "--silent", "--"];
  const help = new Program("npm", [...script, "--help"]);
  expect(await help.exit).toBe(0);
  expect(help.stdout).toBe(helpText());
  const npm = new Program("npm", [...script, "--listen", "127.0.0.1:0", "--data-dir", tempDir()]);
  const { url, pid } = await npm.line("listening");
  onTestFinished(() => {
    if (isAlive(Number(pid))) process.kill(Number(pid), "SIGKILL");
  });
  expect((await ask(String(url), { path: "/health" })).status).toBe(200);
  npm.kill();
  await npm.exit;
  await expect.poll(() => isAlive(Number(pid))).toBe(false);
  expect(npm.lines.at(-1)).toMatchObject({ msg: "stopped" });
});

test("settings that are wrong are told all at once, and the exit code is 2", async () => {
  const program = run("--listen=0.0.0.0:0", "--no-such=1", "--personality=nope");
  expect(await program.exit).toBe(2);
  expect(program.stderr.trim().split("\n")).toHaveLength(3);
  for (const flag of ["--insecure", "--no-such", "--personality"]) expect(program.stderr).toContain(flag);
});

test("the defaults are loopback, a directory of its own, and no switches", () => {
  expect(readConfig([])).toEqual(configWith({}));
  expect(readConfig([])).toMatchObject({ listen: "127.0.0.1:8000", dataDir: "./engram-data", testSwitches: false });
  for (const name of Object.keys(settings)) expect(helpText()).toContain(`\n${flagOf(name)}`);
  expect(helpText()).not.toContain("SOCKET_REGISTRY");
});

test("an address that others can reach must be meant, and never has switches", () => {
  for (const host of ["0.0.0.0", "[::]", "192.168.1.1", "example.org", "127.0.0.1.example.org"]) {
    const listen = `--listen=${host}:8000`;
    expect(faultsOf(listen)).toEqual([expect.stringContaining("say --insecure if that is meant")]);
    expect(faultsOf(listen, "--insecure")).toEqual([]);
    expect(faultsOf(listen, "--insecure", "--test-switches")).toEqual([
      expect.stringContaining("must be an address of loopback"),
    ]);
    expect(faultsOf(`--switches-listen=${host}:0`)).toEqual([expect.stringContaining("--switches-listen must be")]);
  }
  for (const host of ["127.0.0.1", "127.1.2.3", "[::1]", "localhost"])
    expect(faultsOf(`--listen=${host}:0`)).toEqual([]);
  expect(faultsOf("--listen=nowhere")).toEqual(["--listen must be host:port, not nowhere"]);
  expect(faultsOf("--personality=mid")).toEqual([expect.stringContaining("needs --test-switches")]);
  expect(faultsOf("--personality=mid", "--test-switches")).toEqual([]);
});
