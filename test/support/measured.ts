import { type ChildProcess, execFileSync, fork } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import type { Memory } from "./measured-server.js";
import { root } from "./process.js";
import { tempDir } from "./temp-dir.js";

/** A server in a process of its own that tells how much memory it takes. Launched as it is shipped. */
export class MeasuredServer {
  readonly address: string;
  readonly #child: ChildProcess;

  private constructor(address: string, child: ChildProcess) {
    this.address = address;
    this.#child = child;
  }

  static async start(...flags: string[]): Promise<MeasuredServer> {
    const args = ["--listen=127.0.0.1:0", `--data-dir=${tempDir()}`, "--log-level=warn", ...flags];
    const execArgv = ["--expose-gc", "--max-semi-space-size=64"];
    const child = fork(join(compile(), "test/support/measured-server.js"), args, { execArgv });
    onTestFinished(async () => {
      const exit = once(child, "exit");
      child.disconnect();
      await exit;
    });
    const [address] = await once(child, "message");
    return new MeasuredServer(address, child);
  }

  /** What it takes once its garbage is collected. */
  async memory(): Promise<Memory> {
    this.#child.send("memory?");
    const [memory] = await once(this.#child, "message");
    return memory;
  }
}

/** Compiles measured-server.ts and all it imports. Types are checked elsewhere. @returns the folder */
function compile(): string {
  // Below node_modules, so that packages are found from there.
  const cache = join(root, "node_modules/.cache");
  mkdirSync(cache, { recursive: true });
  const folder = mkdtempSync(join(cache, "measured-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const project = {
    extends: join(root, "tsconfig.json"),
    compilerOptions: { rootDir: root, outDir: folder, noCheck: true },
    include: [join(root, "test/support/measured-server.ts")],
  };
  writeFileSync(join(folder, "package.json"), JSON.stringify({ type: "module" }));
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(project));
  execFileSync(join(root, "node_modules/.bin/tsc"), ["--project", folder], { stdio: "inherit" });
  copyFileSync(join(root, "gen/descriptors.binpb"), join(folder, "gen/descriptors.binpb"));
  return folder;
}
