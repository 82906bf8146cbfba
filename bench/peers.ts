/** Those who are measured beside ours, each a process of its own with its data in a folder of its own. */
import { spawn, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { connect, createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { removeFolder, type Side, tempFolder } from "./arena.js";
import { cpuMsOf } from "./processes.js";
import { pinTo, SERVER_CORE } from "./program.js";

export type Peer = "redis" | "nats" | "etcd";

/** Where `bench/peers/setup` puts them. */
const TOOLS = fileURLToPath(new URL("../.tools/peers/", import.meta.url));
const START_MS = 20_000;

const programs: Record<Peer, string> = {
  redis: join(TOOLS, "redis/redis-server"),
  nats: join(TOOLS, "nats-server"),
  etcd: join(TOOLS, "etcd"),
};
/** Redis came with the libraries it needs. */
const environment = { ...process.env, LD_LIBRARY_PATH: join(TOOLS, "redis") };
const clients = fileURLToPath(new URL("peers/node_modules/ioredis", import.meta.url));

export const isInstalled = (peer: Peer): boolean => existsSync(programs[peer]) && existsSync(clients);

export interface OpenPeer extends Side {
  readonly port: number;
  close(): Promise<void>;
}

/** Redis with an append-only file that is written through once a second, or before each answer. */
export function openRedis(appendfsync: "everysec" | "always"): Promise<OpenPeer> {
  return open("redis", (port, folder) => [
    ...["--port", `${port}`, "--bind", "127.0.0.1", "--dir", folder, "--maxclients", "19000", "--loglevel", "warning"],
    ...["--appendonly", "yes", "--appendfsync", appendfsync, "--save", ""],
  ]);
}

/** NATS with JetStream and its file store as it comes: it answers before the file is written through. */
export function openNats(): Promise<OpenPeer> {
  return open("nats", (port, folder) => ["-js", "-sd", folder, "-a", "127.0.0.1", "-p", `${port}`, "-l", "/dev/null"]);
}

/** etcd as it comes: one member, written through before each answer. */
export async function openEtcd(): Promise<OpenPeer> {
  const peerUrl = `http://127.0.0.1:${await freePort()}`;
  return open("etcd", (port, folder) => {
    const url = `http://127.0.0.1:${port}`;
    const urls = ["--listen-client-urls", url, "--advertise-client-urls", url, "--listen-peer-urls", peerUrl];
    const cluster = ["--initial-advertise-peer-urls", peerUrl, "--initial-cluster", `default=${peerUrl}`];
    return ["--data-dir", folder, ...urls, ...cluster, "--log-level", "error"];
  });
}

/** What each says of itself. */
export function peerVersions(): Record<string, string> {
  const installed = (Object.keys(programs) as Peer[]).filter(isInstalled);
  const versions = installed.map((peer) => {
    const said = spawnSync(programs[peer], ["--version"], { encoding: "utf8", env: environment }).stdout ?? "";
    return [peer, /\d+\.\d+\.\d+/.exec(said)?.[0] ?? "unknown"];
  });
  return Object.fromEntries(versions);
}

async function open(peer: Peer, argsOf: (port: number, folder: string) => string[]): Promise<OpenPeer> {
  const folder = tempFolder();
  const port = await freePort();
  const [command = "", ...args] = [...pinTo(SERVER_CORE), programs[peer], ...argsOf(port, folder)];
  const child = spawn(command, args, { stdio: "ignore", env: environment });
  const gone = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  // They do not notice when the bench ends early.
  const kill = (): void => void child.kill("SIGKILL");
  process.once("exit", kill);
  const close = async (): Promise<void> => {
    kill();
    await gone;
    process.off("exit", kill);
    removeFolder(folder);
  };
  const end = Date.now() + START_MS;
  while (!(await isReady(peer, port))) {
    if (child.exitCode !== null || Date.now() > end) {
      await close();
      throw new Error(`${peer} did not start: ${command} ${args.join(" ")}`);
    }
    await delay(50);
  }
  return { address: `127.0.0.1:${port}`, port, cpuMs: async () => cpuMsOf(child.pid ?? 0), close };
}

/** etcd is ready when it has a leader; the others when they take a connection. */
async function isReady(peer: Peer, port: number): Promise<boolean> {
  try {
    if (peer !== "etcd") return await takesConnections(port);
    return (await (await fetch(`http://127.0.0.1:${port}/health`)).text()).includes('"health":"true"');
  } catch {
    return false;
  }
}

function takesConnections(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("error", () => resolve(false));
    socket.once("connect", () => resolve(true));
    socket.once("connect", () => socket.destroy());
  });
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const address = server.address();
      if (address === null || typeof address === "string") return reject(new Error("it has no port"));
      server.close(() => resolve(address.port));
    });
  });
}
