import { cpSync, readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";

/**
 * Copies a data directory as a crash would leave it, while nothing is written. LevelDB may be merging its files in the
 * background, so the copy is made again until nothing changed meanwhile.
 */
export function crashCopy(from: string, to: string): void {
  for (;;) {
    rmSync(to, { recursive: true, force: true });
    try {
      const before = listing(from);
      cpSync(from, to, { recursive: true });
      if (listing(from) === before) return;
    } catch (error) {
      // A file went away between two looks.
      if (!(error instanceof Error && "code" in error && error.code === "ENOENT")) throw error;
    }
  }
}

function listing(folder: string): string {
  const names = readdirSync(folder, { recursive: true, encoding: "utf8" }).sort();
  return names.map((name) => `${name} ${statSync(join(folder, name)).size}`).join("\n");
}
