/** The table for people, the file for programs, and what both say of the machine. */
import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { arch, cpus, platform, release, totalmem } from "node:os";
import { dirname } from "node:path";
import { hasH2load } from "./h2load.js";
import { type Line, linesOf, type Measured } from "./judge.js";
import { peerVersions } from "./peers.js";
import { isPinned } from "./program.js";
import { isRate } from "./row.js";
import type { Summary } from "./statistics.js";

export const tableHead = [
  "| row | unit | ours | beside | beside it | compared | CPU ratio | gate | goal | holds |",
  "|---|---|---|---|---|---|---|---|---|---|",
].join("\n");

const words = { goal: "goal", gate: "gate", short: "**no**", gross: "**no**" } as const;

/** One line of the table. */
export function tableLine(line: Line): string {
  const { name, unit, ours, other, compared, cpu, bar, verdict } = line;
  const isDifference = bar?.as === "difference";
  const cells = [
    line.isDisturbed ? `${name} (disturbed: ${line.foreign?.toFixed(1)} cores)` : name,
    unit,
    show(ours),
    other?.name ?? "",
    other === undefined ? "" : show(other.figure),
    other === undefined ? "" : isDifference ? `${show(compared)} more` : show(compared, true),
    cpu === undefined ? "" : show(cpu, true),
    wanted(line, bar?.gate),
    wanted(line, bar?.goal),
    verdict === undefined ? "" : words[verdict],
  ];
  return `| ${cells.join(" | ")} |`;
}

/** A bar as people write it; one that asks about ours alone has a unit. */
export function wanted({ unit, other, bar }: Line, limit: number | undefined): string {
  if (limit === undefined) return "";
  const sign = isRate(unit) ? "≥" : "≤";
  const isRatio = other !== undefined && bar?.as !== "difference";
  return `${sign} ${isRatio ? limit : `${limit.toLocaleString("en")} ${unit}`}`;
}

/** What a table is of. */
export function headline({ machine, node, peers, load, commit, changed, date }: Circumstances, rounds: number): string {
  const others = Object.entries(peers).map(([name, version]) => `${name} ${version}`);
  return [
    `${machine.cpu}, ${machine.cores} cores, ${machine.pinned ? "pinned" : "not pinned"}, ${machine.system}, node ${node}`,
    others.length === 0 ? "no peers" : others.join(", "),
    `load: ${load}`,
    `commit ${commit}${changed ? " with changes" : ""}, ${date.slice(0, 10)}`,
    `${rounds} rounds: median [min–max]`,
  ].join("; ");
}

/** The whole table, as `--markdown` writes it. */
export function markdown(started: Circumstances, rounds: number, measured: readonly Measured[]): string {
  const lines = measured.flatMap(linesOf).map(tableLine);
  return `${headline(started, rounds)}. Run as \`${started.command}\`.\n\n${[tableHead, ...lines].join("\n")}\n`;
}

/** Writes everything that was measured, and on what. */
export function writeResults(path: string, started: Circumstances, measured: readonly Measured[]): void {
  const rows = measured.map(({ row: { name, figures, others }, rounds }) => ({
    name,
    figures,
    others: others.map((other) => other.name),
    rounds,
  }));
  writeFile(path, `${JSON.stringify({ ...started, rows }, undefined, 2)}\n`);
}

export function writeFile(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

export type Circumstances = ReturnType<typeof circumstances>;

/** The machine, the versions and the command. */
export function circumstances() {
  const git = (...args: string[]): string => (spawnSync("git", args, { encoding: "utf8" }).stdout ?? "").trim();
  return {
    date: new Date().toISOString(),
    command: `npm run bench -- ${process.argv.slice(2).join(" ")}`.trim(),
    commit: git("rev-parse", "--short=12", "HEAD") || "unknown",
    changed: git("status", "--porcelain", "--", "src", "gen", "package-lock.json") !== "",
    machine: {
      cpu: cpus()[0]?.model ?? "unknown",
      cores: cpus().length,
      memoryGib: Math.round(totalmem() / 2 ** 30),
      system: `${platform()} ${release()} ${arch()}`,
      pinned: isPinned,
    },
    node: process.version,
    peers: peerVersions(),
    load: hasH2load ? "h2load for unary writes, node:http2 for the rest" : "node:http2",
  };
}

function show({ median, min, max }: Summary, isRatio = false): string {
  const [middle, low, high] = [median, min, max].map((value) => digits(value, isRatio));
  return `${middle} [${low}–${high}]`;
}

/** Three digits of a number, or two behind the point of a ratio. */
export function digits(value: number, isRatio: boolean): string {
  if (isRatio) return value.toFixed(2);
  if (Math.abs(value) >= 100) return Math.round(value).toLocaleString("en");
  return value === 0 ? "0" : value.toPrecision(3);
}
