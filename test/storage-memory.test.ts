import { MemoryStorage } from "./support/memory-storage.js";
import { storageContract } from "./support/storage-contract.js";

storageContract("the store in memory", async (now) => new MemoryStorage(now));
