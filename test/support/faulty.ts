import { readFileSync } from "node:fs";
import { credentials } from "@grpc/grpc-js";
import { onTestFinished } from "vitest";
import { SocketRegistryClient } from "../../gen/ts/socketregistry/v1/socket_registry.js";
import { configWith, limitsOf } from "../../src/config.js";
import { Registry } from "../../src/registry/registry.js";
import type { Storage } from "../../src/registry/storage.js";
import { createCalls } from "../../src/rpc/calls.js";
import { createHandlers } from "../../src/rpc/handlers.js";
import { createGrpcServer } from "../../src/rpc/services.js";
import { watchEncoder } from "../../src/rpc/watching.js";
import { encodeFrame } from "../../src/rpc/wire.js";
import { Service } from "./client.js";
import { MemoryStorage } from "./memory-storage.js";

/** The registry behind real gRPC, on a storage of which some functions do what a test wants. */
export async function startFaulty(faults: Partial<Storage>) {
  const memory = new MemoryStorage();
  const storage: Storage = new Proxy(memory, {
    get(target, name: keyof Storage) {
      const found = faults[name] ?? target[name];
      return typeof found === "function" ? found.bind(target) : found;
    },
  });
  const config = configWith({});
  const logged: { err?: unknown }[] = [];
  const log = { error: (values: object) => void logged.push(values) };
  const calls = createCalls({ log });
  const registry = new Registry(storage, limitsOf(config));
  const server = createGrpcServer({
    calls,
    handlers: createHandlers(registry, limitsOf(config), { version: "0", durability: "os", limits: {} }),
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
  onTestFinished(async () => {
    client.close();
    await server.stop(0);
  });
  return { service: new Service(client), logged };
}
