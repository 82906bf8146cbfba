import { openStorage } from "./support/level-storage.js";
import { storageContract } from "./support/storage-contract.js";
import { tempDir } from "./support/temp-dir.js";

storageContract("the store on LevelDB", (now) => openStorage(tempDir(), { now }));
