/** The reasons that the registry knows, read from where they are listed: a type leaves nothing behind to ask at run time. */
import { readFileSync } from "node:fs";
import type { Reason } from "../../src/registry/errors.js";

export function knownReasons(): Reason[] {
  const source = readFileSync(new URL("../../src/registry/errors.ts", import.meta.url), "utf8");
  const union = source.slice(source.indexOf("export type Reason"), source.indexOf(";"));
  return [...union.matchAll(/"([A-Z_]+)"/g)].map((match) => match[1] as Reason);
}
