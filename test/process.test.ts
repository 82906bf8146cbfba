/** The server as a process: how it starts, what it says, and how it ends. */
import { once } from "node:events";
import { Client, credentials, type ServiceError, status } from "@grpc/grpc-js";
import { service as healthService } from "grpc-health-check";
import { expect, onTestFinished, test } from "vitest";
import { connect as connectTo, refusal, refusalIn, type Service } from "./support/client.js";
import { compileServer, isAlive, Program } from "./support/process.js";
import { tempDir } from "./support/temp-dir.js";

const dist = compileServer();
const main = `${dist}/src/main.js`;

/** Runs the server with these flags, on a free port and at the level trace unless they say otherwise. */
function run(...flags: string[]): Program {
  const given = new Set(flags.map((flag) => flag.split("=")[0]));
  const defaults = ["--listen=127.0.0.1:0", "--log-level=trace"].filter((flag) => !given.has(flag.split("=")[0]));
  return new Program(process.execPath, [main, ...defaults, ...flags]);
}

/** A server that listens, with the service it offers. */
async function start(...flags: string[]) {
  const dataDir = tempDir();
  return await listening(run(`--data-dir=${dataDir}`, ...flags), dataDir);
}

async function listening(program: Program, dataDir: string) {
  const line = await program.line("listening");
  const address = String(line["address"]);
  return { program, dataDir, line, address, service: connectTo(address) };
}

/** A health Watch: what it was told, and how it ended. */
function watchHealth(address: string) {
  const client = new Client(address, credentials.createInsecure());
  onTestFinished(() => client.close());
  const { path, requestSerialize, responseDeserialize } = healthService["Watch"] ?? expect.unreachable();
  const stream = client.makeServerStreamRequest(path, requestSerialize, responseDeserialize, { service: "" });
  const told: unknown[] = [];
  stream.on("data", (response) => void told.push(response.status));
  const end = new Promise<ServiceError>((resolve) => void stream.on("error", resolve));
  return { told, end, first: once(stream, "data") };
}

test("the line that says it listens has the address, the data directory, the sockets and the time", async () => {
  const { program, dataDir, line, service } = await start();
  expect(line).toMatchObject({
    address: expect.stringMatching(/^127\.0\.0\.1:\d{2,5}$/),
    dataDir,
    sockets: 0,
    tookMs: expect.any(Number),
  });
  await service.createAll("x", "y");
  program.kill();
  expect(await program.exit).toBe(0);
  expect(program.stdout).toBe("");
  const again = await listening(run(`--data-dir=${dataDir}`), dataDir);
  expect(again.line).toMatchObject({ sockets: 2 });
});

test("settings that are wrong are told all at once, and the exit code is 2", async () => {
  const program = run("--max-sockets=0", "--no-such=1", "--listen=0.0.0.0:0");
  expect(await program.exit).toBe(2);
  expect(program.stderr.trim().split("\n")).toHaveLength(3);
  for (const flag of ["--max-sockets", "--no-such", "--insecure"]) expect(program.stderr).toContain(flag);
});

test("a variable sets what no flag does", async () => {
  const flags = [main, "--listen", "127.0.0.1:0", "--data-dir", tempDir()];
  const program = new Program(process.execPath, flags, { SOCKET_REGISTRY_MAX_SOCKETS: "7" });
  const { service } = await listening(program, "");
  expect((await service.info()).limits["max_sockets"]).toBe(7n);
});

test("--help lists the settings and ends with 0", async () => {
  const program = run("--help");
  expect(await program.exit).toBe(0);
  expect(program.stdout).toContain("--data-dir TEXT (./data)");
  expect(program.stderr).toBe("");
});

test("it serves on an IPv6 address and on localhost, and stops there too", async () => {
  for (const [host, form] of [
    ["[::1]", /^\[::1\]:\d+$/],
    ["localhost", /^localhost:\d+$/],
  ] as const) {
    const { program, address, service } = await start(`--listen=${host}:0`, "--shutdown-grace-ms=200");
    expect(address).toMatch(form);
    expect((await service.info()).socketCount).toBe(0);
    const watch = watchHealth(address);
    await watch.first;
    program.kill();
    expect(await program.exit).toBe(0);
  }
});

test("a port that is taken is a clear error and the exit code 1", async () => {
  const first = await start();
  const second = run(`--listen=${first.address}`, `--data-dir=${tempDir()}`);
  const { msg } = await second.line("the server cannot start");
  expect(msg).toContain("EADDRINUSE");
  expect(await second.exit).toBe(1);
});

test("a data directory that is in use is a clear error at once, and its owner goes on", async () => {
  const first = await start();
  const second = run(`--data-dir=${first.dataDir}`);
  const { msg } = await second.line("the server cannot start");
  expect(msg).toContain(`${first.dataDir} is in use by another process`);
  expect(await second.exit).toBe(1);
  await first.service.createAll("x");
});

test("a data directory that cannot be made is a clear error and the exit code 1", async () => {
  const program = run("--data-dir=/dev/null/below");
  const { msg } = await program.line("the server cannot start");
  expect(msg).toContain("/dev/null/below");
  expect(await program.exit).toBe(1);
});

test.each(["SIGTERM", "SIGINT"] as const)(
  "%s tells health first, ends open reads with UNAVAILABLE, and exits with 0",
  async (signal) => {
    const { program, address, service } = await start("--shutdown-grace-ms=300");
    await service.createAll("x");
    const reading = service.read({ socketId: "x", heartbeatInterval: { seconds: 60n } });
    await reading.event();
    const watch = watchHealth(address);
    await watch.first;
    program.kill(signal);
    expect(refusalIn(await reading.end())).toMatchObject({ code: status.UNAVAILABLE, reason: "SHUTTING_DOWN" });
    await watch.end;
    expect(watch.told).toEqual(["SERVING", "NOT_SERVING"]);
    expect(await program.exit).toBe(0);
    expect(program.lines.map(({ msg }) => msg)).toEqual(expect.arrayContaining(["stopping", "stopped"]));
  },
);

test("without anybody who stays, it stops without waiting for the grace", async () => {
  const { program, service } = await start("--shutdown-grace-ms=3600000");
  await service.createAll("x");
  const reading = service.read({ socketId: "x", heartbeatInterval: { seconds: 60n } });
  await reading.event();
  program.kill();
  await reading.end();
  expect(await program.exit).toBe(0);
});

/** Writes until the server is gone. @returns the contents that were answered */
async function writeUntilGone(service: Service, onFirst: () => void): Promise<string[]> {
  const answered: string[] = [];
  const writer = async (name: number) => {
    for (let turn = 0; ; turn++) {
      const message = `${name}-${turn}`;
      await service.write({ socketId: "x", message });
      answered.push(message);
      if (answered.length === 20) onFirst();
    }
  };
  const ends = await Promise.allSettled(Array.from({ length: 8 }, (_, name) => writer(name)));
  for (const end of ends) expect(end).toMatchObject({ reason: { code: status.UNAVAILABLE } });
  return answered;
}

test.each(["SIGTERM", "SIGKILL"] as const)(
  "every write that was answered before %s is there after it",
  async (signal) => {
    const { program, dataDir, service } = await start();
    await service.createAll("x");
    const answered = await writeUntilGone(service, () => program.kill(signal));
    expect(await program.exit).toBe(signal === "SIGTERM" ? 0 : "SIGKILL");
    const again = await listening(run(`--data-dir=${dataDir}`), dataDir);
    const kept = new Set(await again.service.contents("x"));
    expect(answered.filter((message) => !kept.has(message))).toEqual([]);
    // At most the one of each writer that nobody answered.
    expect(kept.size - answered.length).toBeLessThanOrEqual(8);
  },
);

test("a second signal ends it at once, whoever stays", async () => {
  const { program, address } = await start("--shutdown-grace-ms=3600000");
  const watch = watchHealth(address);
  await watch.first;
  program.kill();
  await program.line("stopping");
  // The first of these may come so soon that it counts as an echo.
  const again = setInterval(() => program.kill(), 50);
  expect(await program.exit).toBe(1);
  clearInterval(again);
  await program.line("stopped without finishing");
});

test("a signal that arrives twice at once, as Ctrl-C on npm start does, is one signal", async () => {
  const { program, address } = await start("--shutdown-grace-ms=500");
  const watch = watchHealth(address);
  await watch.first;
  // Two that differ, because of two that are the same the system may drop one.
  program.kill("SIGINT");
  program.kill("SIGTERM");
  expect(await program.exit).toBe(0);
  await program.line("stopped");
});

test("npm start builds and runs it, and SIGTERM to npm leaves nothing behind", async () => {
  const flags = ["start", "--silent", "--", "--listen", "127.0.0.1:0", "--data-dir", tempDir(), "--max-sockets=3"];
  const npm = new Program("npm", flags);
  const { line, service } = await listening(npm, "");
  expect((await service.info()).limits["max_sockets"]).toBe(3n);
  const pid = Number(line["pid"]);
  onTestFinished(() => {
    if (isAlive(pid)) process.kill(pid, "SIGKILL");
  });
  npm.kill();
  await npm.exit;
  await expect.poll(() => isAlive(pid)).toBe(false);
  expect(npm.lines.at(-1)).toMatchObject({ msg: "stopped" });
});

test("no content, prompt, context, metadata or id of a request comes into the log, at any level", async () => {
  const { program, service } = await start("--max-content-bytes=100", "--max-queue-messages=3");
  const secret = { message: "secret-1", metadata: { "secret-2": "secret-3" }, threadId: "secret-4" };
  await service.create({
    socketId: "x",
    prompt: "secret-5",
    context: { "secret-6": "secret-7" },
    labels: { a: "secret-8" },
  });
  for (let turn = 0; turn < 3; turn++) await service.write({ socketId: "x", ...secret });
  await service.peek({ socketId: "x" });
  const attempts = [
    service.write({ socketId: "x", ...secret }),
    service.write({ socketId: "x", message: "secret".repeat(100) }),
    service.write({ socketId: "secret 9", message: "m" }),
    service.write({ socketId: "secret-10", message: "m" }),
    service.create({ socketId: "x", prompt: "secret-11" }),
    service.reset({ socketId: "x", etag: "secret-12" }),
    service.list({ pageToken: "secret-13" }),
  ];
  for (const attempt of attempts) await refusal(attempt);
  expect(await service.drain("x")).toHaveLength(3);
  await service.markUnresponsive({ socketId: "x", reason: "secret-14" });
  await service.delete({ socketId: "x" });
  program.kill();
  expect(await program.exit).toBe(0);
  expect(program.stderr).not.toContain("secret");
});

test("a disk that fails is told to writers, loses nothing that was answered, and is used again when it works", async () => {
  const dataDir = tempDir();
  // No file may grow beyond so many KiB: LevelDB's log soon wants to, and begins a new one when it is opened again.
  const limited = `ulimit -f 256; exec "${process.execPath}" "${main}" --listen=127.0.0.1:0 --data-dir="${dataDir}"`;
  const { program, service } = await listening(new Program("/bin/bash", ["-c", limited]), dataDir);
  await service.createAll("x");
  const answered: string[] = [];
  let failed = 0;
  for (let turn = 0; turn < 40 && failed < 2; turn++) {
    const message = `${turn}-${"m".repeat(20_000)}`;
    const error = await service.write({ socketId: "x", message }).then(
      () => void answered.push(message),
      (caught) => refusalIn(caught),
    );
    if (error === undefined) continue;
    failed++;
    expect(error).toMatchObject({ code: status.UNAVAILABLE, reason: "STORAGE_UNAVAILABLE" });
    await expect.poll(() => service.info().catch(() => undefined), { timeout: 5_000 }).toBeDefined();
  }
  expect(failed).toBe(2);
  expect(program.lines.filter(({ msg }) => msg === "a write to the store failed; it is opened again")).toHaveLength(2);
  const kept = new Set(await service.contents("x", { ackMode: 3 }));
  expect(answered.filter((message) => !kept.has(message))).toEqual([]);
  program.kill();
  expect(await program.exit).toBe(0);
});

test.each([
  ["an exception", "throw new Error('planted')"],
  ["a rejection", "Promise.reject(new Error('planted'))"],
])("%s that nobody caught ends the process, with a line in the log", async (_, defect) => {
  const planted = `data:text/javascript,process.once("SIGUSR2",()=>{${encodeURIComponent(defect)}})`;
  const flags = ["--import", planted, main, "--listen=127.0.0.1:0", `--data-dir=${tempDir()}`];
  const { program } = await listening(new Program(process.execPath, flags), "");
  program.kill("SIGUSR2");
  expect(await program.exit).not.toBe(0);
  expect(await program.line("the server failed")).toMatchObject({ level: 60, err: { message: "planted" } });
});

test("for people who watch, the log is a readable line an event", async () => {
  const script = `const { createLog } = await import("${dist}/src/log.js");
    const log = createLog("info", true);
    log.info({ sockets: 3 }, "listening");
    log.debug("not worth a line");
    log.error({ err: new Error("planted") }, "failed");`;
  const program = new Program(process.execPath, ["--input-type=module", "--eval", script]);
  expect(await program.exit).toBe(0);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: colours are escape sequences
  const plain = program.stderr.replace(/\u001b\[\d+m/g, "");
  expect(plain).toMatch(/^\[\d\d:\d\d:\d\d\.\d{3}\] INFO: listening\n {4}sockets: 3\n/);
  expect(plain).toContain("ERROR: failed");
  expect(plain).toContain("Error: planted");
  expect(plain).not.toContain("not worth");
});
