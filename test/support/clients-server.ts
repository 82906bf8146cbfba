/** The servers that clients are tried against: one that lives on, and those that a scenario or a test has to itself. */
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished } from "vitest";
import { ResetScope } from "../../gen/ts/socketregistry/v1/socket_registry.js";
import { storageUnavailable } from "../../src/registry/errors.js";
import { dashed } from "../../src/settings.js";
import { Service } from "./client.js";
import type { JsonObject } from "./clients-driver.js";
import { startFaulty } from "./faulty.js";
import { compileServer, Program } from "./process.js";
import { startTestServer, type TestServer } from "./server.js";
import { tempDir } from "./temp-dir.js";

const main = `${compileServer()}/src/main.js`;
const team = "team-chat-all";

/** Where the driver of a scenario finds its server, and what may become of that. */
export interface Host {
  readonly address: string;
  /** Does to the server what a `server` step says. */
  act(what: string): Promise<void>;
}

/**
 * A server of its own for one scenario:
 *
 * * `{"settings": {...}}`: the real server with these settings, in this process.
 * * `{"process": true, "settings": {...}}`: in a process of its own, that can be stopped, killed, frozen and started.
 * * `{"faulty": "store"}`: its store fails; `{"faulty": "defect"}`: it has a defect.
 * * `{"black_hole": true}`: something that takes connections and never says a word.
 */
export async function startHost(wanted: JsonObject): Promise<Host> {
  const settings = (wanted["settings"] ?? {}) as JsonObject;
  if (wanted["process"] === true) return await ServerProcess.start(settings);
  if (wanted["black_hole"] === true) return await startBlackHole();
  if (wanted["faulty"] !== undefined) {
    const { service } = await startFaulty(wanted["faulty"] === "store" ? { durable: storeFails } : { find: hasDefect });
    return { address: service.client.getChannel().getTarget().replace(/^dns:/, ""), act: noSuchAct };
  }
  const server = await startTestServer(settings);
  onTestFinished(() => server.stop());
  return { address: server.address, act: noSuchAct };
}

const storeFails = () => Promise.reject(storageUnavailable(new Error("the disk")));
const hasDefect = () => {
  throw new TypeError("a defect");
};
const noSuchAct = (what: string) => expect.unreachable(`this server cannot ${what}`);

async function startBlackHole(): Promise<Host> {
  const sockets: Socket[] = [];
  const server = createServer((socket) => void sockets.push(socket.on("error", () => {}).resume()));
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { address: `127.0.0.1:${await listenOn(server, 0)}`, act: noSuchAct };
}

/** The real server as a process, always on the same port and the same data directory. */
export class ServerProcess implements Host {
  readonly address: string;
  readonly #flags: readonly string[];
  #program: Program | undefined;

  private constructor(port: number, settings: JsonObject) {
    this.address = `127.0.0.1:${port}`;
    const all = { shutdownGraceMs: 1_000, ...settings, listen: this.address, dataDir: tempDir() };
    this.#flags = Object.entries(all).map(([name, value]) => `--${dashed(name)}=${value}`);
  }

  static async start(settings: JsonObject = {}): Promise<ServerProcess> {
    const server = new ServerProcess(await freePort(), settings);
    await server.act("start");
    return server;
  }

  async act(what: string): Promise<void> {
    if (what === "start") {
      this.#program = new Program(process.execPath, [main, ...this.#flags]);
      await this.#program.line("listening");
      return;
    }
    const program = this.#program ?? expect.unreachable();
    if (what === "freeze") program.kill("SIGSTOP");
    else if (what === "thaw") program.kill("SIGCONT");
    else if (what === "stop") {
      program.kill("SIGTERM");
      expect(await program.exit).toBe(0);
    } else if (what === "kill") {
      program.kill("SIGKILL");
      await program.exit;
    } else noSuchAct(what);
  }
}

/**
 * A free port below those that the system gives to outgoing connections: while the server is down, nobody else gets it,
 * least of all a client that tries to reach it.
 */
async function freePort(): Promise<number> {
  for (;;) {
    const port = 10_000 + Math.floor(Math.random() * 20_000);
    const server = createServer();
    try {
      await listenOn(server, port);
      await new Promise((resolve) => server.close(resolve));
      return port;
    } catch {
      // It is taken.
    }
  }
}

async function listenOn(server: Server, port: number): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.on("error", reject);
    server.listen(port, "127.0.0.1", resolve);
  });
  const bound = server.address();
  return typeof bound === "object" && bound !== null ? bound.port : port;
}

/** A server that many scenarios use, one after the other, each of which finds it empty. */
export class SharedServer implements Host {
  readonly #server: TestServer;
  readonly #service: Service;
  readonly act = noSuchAct;

  private constructor(server: TestServer) {
    this.#server = server;
    this.#service = new Service(server.client);
  }

  static async start(): Promise<SharedServer> {
    const dataDir = mkdtempSync(join(tmpdir(), "socket-registry-"));
    return new SharedServer(await startTestServer({ dataDir }));
  }

  get address(): string {
    return this.#server.address;
  }

  /** Removes every socket, and what is on the feed. */
  async clear(): Promise<void> {
    const { sockets } = await this.#service.list({ pageSize: 1_000 });
    for (const { socketId } of sockets) {
      if (socketId !== team) await this.#service.delete({ socketId });
    }
    await this.#service.reset({ socketId: team, scope: ResetScope.RESET_SCOPE_QUEUE });
  }

  async stop(): Promise<void> {
    await this.#server.stop();
    rmSync(this.#server.dataDir, { recursive: true, force: true });
  }
}
