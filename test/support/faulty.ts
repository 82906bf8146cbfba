import { configWith } from "../../src/config.js";
import type { Storage } from "../../src/registry/storage.js";
import { MemoryStorage } from "./memory-storage.js";
import { serve } from "./served.js";

/** The registry behind real gRPC, on a storage of which some functions do what a test wants. */
export async function startFaulty(faults: Partial<Storage>) {
  const memory = new MemoryStorage();
  const storage: Storage = new Proxy(memory, {
    get(target, name: keyof Storage) {
      const found = faults[name] ?? target[name];
      return typeof found === "function" ? found.bind(target) : found;
    },
  });
  return await serve(storage, configWith({ durability: "os" }));
}
