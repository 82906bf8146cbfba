/** The Engram service. */
import { run } from "../program.js";
import { helpText, readConfig } from "./config.js";
import { startEngram } from "./server.js";

await run({ name: "the service", helpText, readConfig, start: startEngram });
