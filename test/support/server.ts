import { credentials } from "@grpc/grpc-js";
import { SocketRegistryClient } from "../../gen/ts/socketregistry/v1/socket_registry.js";
import { type Config, configWith } from "../../src/config.js";
import { createLog } from "../../src/log.js";
import { startServer } from "../../src/server.js";
import { tempDir } from "./temp-dir.js";

export interface TestServer {
  readonly address: string;
  readonly client: SocketRegistryClient;
  readonly dataDir: string;
  /** What the server logged, line by line. */
  readonly logged: Record<string, unknown>[];
  stop(): Promise<void>;
}

/** The real server in this process, on a free port and, unless told otherwise, in a data directory of its own. */
export async function startTestServer(overrides: Partial<Config> = {}): Promise<TestServer> {
  const dataDir = overrides.dataDir ?? tempDir();
  const logged: Record<string, unknown>[] = [];
  const log = createLog("debug", false, { write: (line) => void logged.push(JSON.parse(line)) });
  const config = configWith({ listen: "127.0.0.1:0", shutdownGraceMs: 1_000, ...overrides, dataDir });
  const server = await startServer(config, log);
  const client = new SocketRegistryClient(server.address, credentials.createInsecure());
  return {
    address: server.address,
    client,
    dataDir,
    logged,
    async stop() {
      client.close();
      await server.stop();
    },
  };
}
