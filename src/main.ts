/** The registry's server. `program.ts` is what its process does with flags, environment and signals. */
import { helpText, readConfig } from "./config.js";
import { run } from "./program.js";
import { startServer } from "./server.js";

await run({ name: "the server", helpText, readConfig, start: startServer });
