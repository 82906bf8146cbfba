import { readFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { type Config, limitsOf, namedLimits } from "./config.js";
import { listenAddress } from "./listen.js";
import type { Log } from "./log.js";
import { Registry } from "./registry/registry.js";
import { type Machine, Replication } from "./replication/replication.js";
import { createCalls } from "./rpc/calls.js";
import { createHandlers } from "./rpc/handlers.js";
import { createGrpcServer } from "./rpc/services.js";
import { watchEncoder } from "./rpc/watching.js";
import { encodeBody, encodeFrame } from "./rpc/wire.js";
import { DataDirectory } from "./storage/data-directory.js";
import { LevelStorage } from "./storage/level.js";
import { version } from "./version.js";

export interface RunningServer {
  /** Where it serves, with the port it really has. */
  readonly address: string;
  /** Stops the parts in the reverse order of their start. Resolves when everything is on disk and closed. */
  stop(): Promise<void>;
}

/**
 * Starts the server, part by part: a restore if one is due, storage, replication, registry, upkeep, gRPC. Stopping is
 * this list backwards: first nobody comes in any more and streams end, then upkeep stops, replication sends what it can
 * in a moment, and the log closes last, because everything else may still write to it. A start that fails stops what it
 * had started.
 *
 * @param machine the processes around this one; by default nothing is known of them
 */
export async function startServer(config: Config, log: Log, machine: Machine = UNKNOWN): Promise<RunningServer> {
  const startedMs = performance.now();
  const started: Part[] = [];
  let stopping: Promise<void> | undefined;
  const stop = (): Promise<void> => (stopping ??= stopAll(started.reverse()));
  try {
    const replication = await Replication.open(config, machine, log);
    const { dataDir: folder, durability, recentBytes } = config;
    await replication.restore(new DataDirectory({ folder, durability, recentBytes, log }), encodeText);
    const storage = await LevelStorage.open({ folder, durability, recentBytes, log });
    started.push({ stop: () => storage.close() });
    started.push({ stop: () => replication.stop() });

    const registry = new Registry(storage, limitsOf(config));
    started.push({ stop: async () => registry.close() });
    started.push(startUpkeep(registry, config.upkeepIntervalMs, log));

    const calls = createCalls({ log });
    const limits = namedLimits(config);
    const facts = { version, durability, limits, replication: () => replication.status };
    const grpc = createGrpcServer({
      calls,
      handlers: createHandlers(registry, limitsOf(config), facts),
      serializers: {
        read: (frame) => encodeFrame(storage.instance, frame),
        watch: watchEncoder((row) => registry.viewNow(row)),
      },
      descriptors: await readFile(new URL("../gen/descriptors.binpb", import.meta.url)),
      log,
      limits: config,
    });
    started.push({
      async stop() {
        await grpc.stop(config.shutdownGraceMs);
        await calls.idle();
      },
    });

    if (replication.isOn) grpc.setHealth("engram", false);
    replication.start(storage, (state) => grpc.setHealth("engram", state === "REPLICATING"));

    const { host, port } = listenAddress(config.listen);
    const address = config.listen.replace(/\d+$/, String(await grpc.listen(host, port)));
    const tookMs = Math.round(performance.now() - startedMs);
    log.info({ address, dataDir: config.dataDir, sockets: storage.socketCount, tookMs }, "listening");
    return {
      address,
      async stop() {
        await stop();
        log.info("stopped");
      },
    };
  } catch (error) {
    await stop().catch((failure: unknown) => log.error({ err: failure }, "what had started did not stop"));
    throw error;
  }
}

/** A server that is no process of its own does not know which it is in. */
const UNKNOWN: Machine = { pid: 0, isAlive: () => true };

/** The body of an unsigned message to a socket: what an original Rhetor wrote is such. */
function encodeText(socketId: string, message: string, metadata: Record<string, unknown>): Uint8Array {
  return encodeBody({ socketId, message, metadata, sender: "", threadId: "", replyTo: "" });
}

/** What was started and must be stopped. */
interface Part {
  stop(): Promise<void>;
}

/** Stops one part after the other, the rest also when one fails: the log must be closed whatever happens before. */
async function stopAll(parts: readonly Part[]): Promise<void> {
  const failures: unknown[] = [];
  for (const part of parts) await part.stop().catch((error: unknown) => failures.push(error));
  if (failures.length > 0) throw new AggregateError(failures, "not every part of the server stopped cleanly");
}

/** Lets go, now and then, of what retention need not keep. */
function startUpkeep(registry: Registry, intervalMs: number, log: Log): Part {
  const stopping = new AbortController();
  const run = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      await delay(intervalMs, undefined, { signal: stopping.signal }).catch(() => {});
      if (stopping.signal.aborted) return;
      // A store that is being opened again has told so itself, and there is always a next time.
      await registry.upkeep().catch((error: unknown) => log.debug({ err: error }, "upkeep failed"));
    }
  };
  const running = run();
  return {
    async stop() {
      stopping.abort();
      await running;
    },
  };
}
