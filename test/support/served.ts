import { readFileSync } from "node:fs";
import { credentials } from "@grpc/grpc-js";
import { onTestFinished } from "vitest";
import { SocketRegistryClient } from "../../gen/ts/socketregistry/v1/socket_registry.js";
import { type Config, limitsOf, namedLimits } from "../../src/config.js";
import type { Clock } from "../../src/registry/clock.js";
import { Registry } from "../../src/registry/registry.js";
import { REPLICATION_OFF, type Storage } from "../../src/registry/storage.js";
import { createCalls } from "../../src/rpc/calls.js";
import { createHandlers } from "../../src/rpc/handlers.js";
import { createGrpcServer } from "../../src/rpc/services.js";
import { watchEncoder } from "../../src/rpc/watching.js";
import { encodeFrame } from "../../src/rpc/wire.js";
import { Service } from "./client.js";

/** The registry behind real gRPC, on a storage and a clock of the test's own. Upkeep runs when the test says so. */
export async function serve(storage: Storage, config: Config, clock?: Clock) {
  const logged: { err?: unknown }[] = [];
  const log = { error: (values: object) => void logged.push(values) };
  const calls = createCalls({ log });
  const registry = new Registry(storage, limitsOf(config), clock);
  const server = createGrpcServer({
    calls,
    handlers: createHandlers(registry, limitsOf(config), {
      version: "0",
      replication: () => REPLICATION_OFF,
      durability: config.durability,
      limits: namedLimits(config),
    }),
    serializers: {
      read: (frame) => encodeFrame(storage.instance, frame),
      watch: watchEncoder((row) => registry.viewNow(row)),
    },
    descriptors: readFileSync(new URL("../../gen/descriptors.binpb", import.meta.url)),
    log,
    limits: config,
  });
  const address = `127.0.0.1:${await server.listen("127.0.0.1", 0)}`;
  const client = new SocketRegistryClient(address, credentials.createInsecure());
  let stopping: Promise<void> | undefined;
  const stop = async (): Promise<void> => {
    client.close();
    await server.stop(0);
    await calls.idle();
    registry.close();
  };
  const stopOnce = (): Promise<void> => (stopping ??= stop());
  onTestFinished(stopOnce);
  return { service: new Service(client), registry, logged, stop: stopOnce };
}
