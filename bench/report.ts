/** The table for people and the file for programs. */
import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { arch, cpus, platform, release, totalmem } from "node:os";
import { dirname } from "node:path";
import { hasH2load } from "./h2load.js";
import { isPinned } from "./program.js";
import type { Row, Sample } from "./row.js";
import { type Summary, summary } from "./statistics.js";

/** What was measured of one row, round by round. */
export interface Measured {
  readonly row: Row;
  readonly rounds: readonly { readonly ours: Sample; readonly ceiling: Sample | undefined }[];
}

export const tableHead = [
  "| row | unit | ours | beside | beside it | ratio | CPU ratio | bar |",
  "|---|---|---|---|---|---|---|---|",
].join("\n");

/** One line of the table. Ratios are the median of the ratios of each round. */
export function tableLine({ row, rounds }: Measured): string {
  const ours = summary(rounds.map((round) => round.ours.value));
  const both = rounds.flatMap(({ ours, ceiling }) => (ceiling === undefined ? [] : [{ ours, ceiling }]));
  const ceiling = both.length === 0 ? "" : show(summary(both.map((round) => round.ceiling.value)));
  const cpu = both.flatMap(({ ours: { cpuUs: a }, ceiling: { cpuUs: b } }) =>
    a === undefined || b === undefined ? [] : [a / b],
  );
  const cells = [
    row.name,
    row.unit,
    show(ours),
    ceiling,
    row.beside,
    both.length === 0 ? "" : show(ratio(both), true),
    cpu.length === 0 ? "" : show(summary(cpu), true),
    row.bar ?? "",
  ];
  return `| ${cells.join(" | ")} |`;
}

/** Writes everything that was measured, and on what. */
export function writeResults(path: string, measured: readonly Measured[]): void {
  const rows = measured.map(({ row: { name, unit, beside, bar }, rounds }) => ({ name, unit, beside, bar, rounds }));
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, `${JSON.stringify({ ...circumstances(), rows }, undefined, 2)}\n`);
}

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
    load: hasH2load ? "h2load for unary Writes, node:http2 for the rest" : "node:http2",
  };
}

function ratio(rounds: readonly { ours: Sample; ceiling: Sample }[]): Summary {
  return summary(rounds.map(({ ours, ceiling }) => ours.value / ceiling.value));
}

function show({ median, min, max }: Summary, isRatio = false): string {
  const [middle, low, high] = [median, min, max].map((value) => digits(value, isRatio));
  return `${middle} [${low}–${high}]`;
}

function digits(value: number, isRatio: boolean): string {
  if (isRatio) return value.toFixed(2);
  if (value >= 100) return Math.round(value).toLocaleString("en");
  return value.toPrecision(3);
}
