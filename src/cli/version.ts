/** The version of the package that this file belongs to. */
import { readFile } from "node:fs/promises";

/** From src/cli and from dist/src/cli, where the compiler puts it. */
const packageFiles = ["../../package.json", "../../../package.json"];

export async function readVersion(): Promise<string> {
  for (const path of packageFiles) {
    const text = await readFile(new URL(path, import.meta.url), "utf8").catch(() => "");
    const version = /"version":\s*"([^"]+)"/.exec(text)?.[1];
    if (version !== undefined) return version;
  }
  return "unknown";
}
