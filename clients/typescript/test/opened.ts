/** What the tests of this client share: a server of the test's own, and a connection to it. */
import { onTestFinished, vi } from "vitest";
import type { Config } from "../../../src/config.js";
import { type Service, startService } from "../../../test/support/client.js";
import { type ConnectOptions, connect, type Registry } from "../src/index.js";

export interface Opened {
  registry: Registry;
  /** A plain client of the same server. */
  service: Service & { readonly server: { readonly address: string; readonly dataDir: string; stop(): Promise<void> } };
  /** What the client warned of. */
  warnings: string[];
}

export async function open(config: Partial<Config> = {}, options: ConnectOptions = {}): Promise<Opened> {
  const service = await startService(config);
  const warnings: string[] = [];
  const onWarning = ({ message }: Error) => void warnings.push(message);
  const registry = connect(service.server.address, { onWarning, ...options });
  onTestFinished(() => registry.close());
  return { registry, service, warnings };
}

/** Resolves when this is so. */
export function until(isSo: () => unknown): Promise<unknown> {
  return vi.waitFor(isSo, { timeout: 20_000, interval: 10 });
}

export interface Gate {
  opened: Promise<void>;
  open(): void;
}

/** Something that a test lets go on when it wants to. */
export function createGate(): Gate {
  let open = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open: () => open() };
}
