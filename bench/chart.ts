/** The table's lines that have a bar, as a picture: how far each is from its gate and its goal. */
import type { Line, Verdict } from "./judge.js";
import { isRate, OURS } from "./row.js";
import { escaped } from "./svg.js";

const WIDTH = 960;
const LABELS = 480;
const RIGHT = 100;
const LINE = 22;
const HEAD = 52;
const SECTION = 30;

const colors: Record<Verdict, string> = { goal: "#2da44e", gate: "#bf8700", short: "#cf222e", gross: "#cf222e" };

/** One bar of the picture. What is no ratio is drawn as its share of the gate. */
interface Drawn {
  readonly label: string;
  readonly text: string;
  readonly value: number;
  readonly low: number;
  readonly high: number;
  readonly gate: number | undefined;
  readonly goal: number | undefined;
  readonly color: string;
}

/** Bars on a scale of powers. They are drawn in two groups, since some are to be long and some to be short. */
export function chartSvg(lines: readonly Line[], title: string): string {
  const groups = [
    { name: "More is better: ratio of rates", bars: lines.filter(({ unit }) => isRate(unit)).flatMap(drawn) },
    {
      name: "Less is better: ratio of times and sizes, or share of the gate",
      bars: lines.filter(({ unit }) => !isRate(unit)).flatMap(drawn),
    },
  ].filter(({ bars }) => bars.length > 0);
  const scale = scaleOf(groups.flatMap(({ bars }) => bars));
  const parts: string[] = [];
  let y = HEAD;
  for (const { name, bars } of groups) {
    parts.push(`<text x="12" y="${y + 18}" class="section">${escaped(name)}</text>`);
    y += SECTION;
    const bottom = y + bars.length * LINE;
    parts.push(...ticksOf(scale).map((tick) => tickOf(tick, scale.x(tick), y, bottom)));
    for (const bar of bars) {
      parts.push(barOf(bar, scale, y));
      y += LINE;
    }
    y += SECTION;
  }
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${y}" font-family="sans-serif" font-size="12">
<title>${escaped(title)}</title>
<style>text{fill:#1f2328}.section{font-weight:bold}.grid{stroke:#d0d7de}.mark{stroke:#1f2328}.goal{fill:#1f2328}.back{fill:#fff}
.small{fill:#59636e;font-size:10px}
@media (prefers-color-scheme: dark){text{fill:#e6edf3}.grid{stroke:#3d444d}.mark{stroke:#e6edf3}.goal{fill:#e6edf3}.back{fill:#0d1117}
.small{fill:#9198a1}}</style>
<rect class="back" width="${WIDTH}" height="${y}"/>
<text x="12" y="20" font-size="14">${escaped(title)}</text>
<text x="12" y="38" class="small">| gate, ◆ goal; thin line: range of the rounds; green: goal reached, yellow: gate holds, red: falls short</text>
${parts.join("\n")}
</svg>
`;
}

function drawn({ name, other, compared, bar, verdict, unit }: Line): Drawn[] {
  if (bar === undefined || verdict === undefined) return [];
  const isRatio = other !== undefined && bar.as !== "difference";
  const whole = isRatio ? 1 : (bar.gate ?? bar.goal ?? 0);
  const { median, min, max } = compared;
  // A scale of powers has no zero.
  if (!(median > 0 && whole > 0)) return [];
  const value = median / whole;
  return [
    {
      label: `${name} : ${other?.name ?? OURS}`,
      text: isRatio
        ? median.toFixed(2)
        : `${median >= 100 ? Math.round(median).toLocaleString("en") : median.toPrecision(3)} ${unit}`,
      value,
      low: min > 0 ? min / whole : value,
      high: max / whole,
      gate: bar.gate === undefined ? undefined : bar.gate / whole,
      goal: bar.goal === undefined ? undefined : bar.goal / whole,
      color: colors[verdict],
    },
  ];
}

interface Scale {
  readonly from: number;
  readonly to: number;
  x(value: number): number;
}

function scaleOf(bars: readonly Drawn[]): Scale {
  const values = bars.flatMap(({ value, low, high, gate, goal }) => [value, low, high, gate ?? value, goal ?? value]);
  const from = Math.min(0.5, ...values) * 0.8;
  const to = Math.max(2, ...values) * 1.1;
  const width = WIDTH - LABELS - RIGHT;
  return { from, to, x: (value) => LABELS + (width * Math.log(value / from)) / Math.log(to / from) };
}

/** Halves and doubles of 1. */
function ticksOf({ from, to }: Scale): number[] {
  const ticks: number[] = [];
  for (let tick = 2 ** Math.ceil(Math.log2(from)); tick <= to; tick *= 2) ticks.push(tick);
  return ticks;
}

function tickOf(tick: number, x: number, top: number, bottom: number): string {
  const label = tick >= 1 ? tick : Number(tick.toPrecision(2));
  return (
    `<line class="grid" x1="${x.toFixed(1)}" x2="${x.toFixed(1)}" y1="${top}" y2="${bottom}" stroke-width="${tick === 1 ? 2 : 1}"/>` +
    `<text class="small" text-anchor="middle" x="${x.toFixed(1)}" y="${bottom + 12}">${label}</text>`
  );
}

function barOf({ label, text, value, low, high, gate, goal, color }: Drawn, { x, from }: Scale, top: number): string {
  const middle = top + LINE / 2;
  const end = x(value);
  const mark = gate === undefined ? "" : markOf(x(gate), top);
  const [start, aim] = [x(from), goal === undefined ? undefined : x(goal)];
  const diamond =
    aim === undefined ? "" : `<path class="goal" d="M${aim.toFixed(1)} ${middle - 5}l4 5l-4 5l-4 -5z" stroke="none"/>`;
  return (
    `<text x="${LABELS - 8}" y="${middle + 4}" text-anchor="end" font-size="11">${escaped(label)}</text>` +
    `<rect x="${start.toFixed(1)}" y="${top + 4}" width="${(end - start).toFixed(1)}" height="${LINE - 8}" fill="${color}"/>` +
    `<line class="mark" x1="${x(low).toFixed(1)}" x2="${x(high).toFixed(1)}" y1="${middle}" y2="${middle}" stroke-width="1"/>` +
    `${mark}${diamond}<text x="${WIDTH - RIGHT + 6}" y="${middle + 4}" font-size="11">${escaped(text)}</text>`
  );
}

const markOf = (x: number, top: number): string =>
  `<line class="mark" x1="${x.toFixed(1)}" x2="${x.toFixed(1)}" y1="${top + 1}" y2="${top + LINE - 1}" stroke-width="2.5"/>`;
