import { execFileSync } from "node:child_process";
import { closeSync, mkdtempSync, openSync, rmSync, statfsSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { tempDir } from "./temp-dir.js";

const MEBIBYTE = 1024 * 1024;

/** Why this machine cannot make a small disk; undefined when it can. */
export function whyNoSmallDisk(): string | undefined {
  const folder = mkdtempSync(join(tmpdir(), "socket-registry-"));
  try {
    mount(folder, MEBIBYTE);
    execFileSync("umount", [folder]);
    return undefined;
  } catch (error) {
    return `a tmpfs cannot be mounted (${error instanceof Error ? error.message.trim() : error})`;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function mount(folder: string, bytes: number): void {
  execFileSync("mount", ["-t", "tmpfs", "-o", `size=${bytes}`, "tmpfs", folder], { stdio: "pipe" });
}

/** A disk in memory that is soon full. */
export class SmallDisk {
  readonly folder: string;
  readonly #filler: string;

  /** Mounts a disk of this size until the test ends. */
  constructor(bytes: number) {
    this.folder = tempDir();
    this.#filler = join(this.folder, "filler");
    mount(this.folder, bytes);
    onTestFinished(() => void execFileSync("umount", ["--lazy", this.folder]));
  }

  get freeBytes(): number {
    const { bavail, bsize } = statfsSync(this.folder);
    return bavail * bsize;
  }

  /** Fills the disk until only this much is free. */
  fill(freeBytes: number): void {
    const file = openSync(this.#filler, "a");
    try {
      for (let rest = this.freeBytes - freeBytes; rest > 0; rest = this.freeBytes - freeBytes) {
        writeSync(file, Buffer.alloc(Math.min(rest, MEBIBYTE)));
      }
    } finally {
      closeSync(file);
    }
  }

  /** Takes the filling away. */
  free(): void {
    rmSync(this.#filler);
  }
}
