/**
 * `npm run bench`: how close the server comes to what the machine can do, and how far ahead it is of what others do with it.
 * README.md says how to read it.
 */
import { parseArgs } from "node:util";
import { chartSvg } from "./chart.js";
import { linesOf, type Measured, shortfalls } from "./judge.js";
import { absentPeers, measure } from "./measure.js";
import {
  circumstances,
  digits,
  headline,
  markdown,
  tableHead,
  tableLine,
  wanted,
  writeFile,
  writeResults,
} from "./report.js";
import type { Effort } from "./row.js";
import { allRows } from "./rows.js";
import { writeFlame } from "./saturate.js";

const { values } = parseArgs({
  options: {
    rounds: { type: "string" },
    only: { type: "string", default: "" },
    quick: { type: "boolean", default: false },
    gate: { type: "boolean", default: false },
    short: { type: "boolean", default: false },
    json: { type: "string" },
    markdown: { type: "string" },
    svg: { type: "string" },
    flame: { type: "string" },
  },
});

interface Form extends Effort {
  readonly rounds: number;
}
const forms: Record<string, Form> = {
  full: { seconds: 2, scale: 1, rounds: 5 },
  short: { seconds: 1, scale: 0.2, rounds: 3 },
  quick: { seconds: 0.5, scale: 0.1, rounds: 2 },
};

const form = forms[values.quick ? "quick" : values.short ? "short" : "full"] as Form;
const rounds = Number(values.rounds ?? form.rounds);
const pattern = new RegExp(values.only);
const rows = allRows.filter(({ name, isShort }) => pattern.test(name) && (isShort === true || !values.short));
const started = circumstances();
const print = (text: string): void => void process.stdout.write(`${text}\n`);

if (!(rounds >= 1)) throw new Error(`--rounds must be a number from 1, not ${values.rounds}`);
if (rows.length === 0) throw new Error(`no row has ${values.only} in its name`);

if (values.flame !== undefined) print(await writeFlame(values.flame, started.commit));
else await run();

async function run(): Promise<void> {
  print(`${headline(started, rounds)}\n\n${tableHead}`);
  const path = values.json ?? `bench/results/${started.date.replaceAll(":", "-")}.json`;
  const measured: Measured[] = [];
  for (const row of rows) {
    try {
      const result = await measure(row, form, rounds);
      measured.push(result);
      for (const line of linesOf(result)) print(tableLine(line));
    } catch (error) {
      // The other rows are worth having.
      process.exitCode = 1;
      print(`| ${row.name} | failed: ${error instanceof Error ? error.message.split("\n")[0] : error} |`);
    }
    writeResults(path, started, measured);
  }
  print(`\nEvery sample is in ${path}`);
  tellAbsent();
  const lines = measured.flatMap(linesOf);
  if (values.markdown !== undefined) writeFile(values.markdown, markdown(started, rounds, measured));
  if (values.svg !== undefined) writeFile(values.svg, chartSvg(lines, `AI Socket Registry, commit ${started.commit}`));
  if (values.gate) judge(lines);
}

function tellAbsent(): void {
  const absent = new Set(rows.flatMap(absentPeers));
  if (absent.size > 0) print(`Not measured, since bench/peers/setup has not installed it: ${[...absent].join(", ")}`);
}

/** The short form, on machines that nobody knows, minds gross losses only. */
function judge(lines: ReturnType<typeof linesOf>): void {
  const missing = shortfalls(lines, values.short);
  const held = lines.filter(({ verdict }) => verdict !== undefined).length - missing.length;
  const hold = values.short ? "hold or miss by less than half" : "hold";
  print(`\n${held} gates ${hold}, ${missing.length} do not${missing.length > 0 ? ":" : ""}`);
  for (const line of missing) {
    const other = line.other === undefined ? "" : ` to ${line.other.name}`;
    print(
      `  ${line.name}${other}: ${digits(line.compared.median, line.unit !== "bytes")}, wanted ${wanted(line, line.bar?.gate)}`,
    );
  }
  if (missing.length > 0) process.exitCode = 1;
}
