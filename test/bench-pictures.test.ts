/** The pictures that the bench draws: the chart of the bars, and the flame graph. */
import { expect, test } from "vitest";
import { chartSvg } from "../bench/chart.js";
import { flameSvg, fold, type Profile, sharesOf, topOf } from "../bench/flame.js";
import { linesOf } from "../bench/judge.js";
import { OURS, type Row } from "../bench/row.js";

const frame = (functionName: string, url = "", lineNumber = 0) => ({ functionName, url, lineNumber });

/** `write` is called in two places; the second one calls into grpc-js. The collector ran by itself, and most time was idle. */
const profile: Profile = {
  nodes: [
    { id: 1, callFrame: frame("(root)"), children: [2, 4, 5, 8] },
    { id: 2, callFrame: frame("turn", "node:internal/timers", 9), children: [3, 6] },
    { id: 3, callFrame: frame("write", "file:///somewhere/dist/src/registry/write.js", 41) },
    { id: 4, callFrame: frame("(garbage collector)") },
    { id: 5, callFrame: frame("(idle)") },
    { id: 6, callFrame: frame("write", "file:///somewhere/dist/src/registry/write.js", 41), children: [7] },
    { id: 7, callFrame: frame("send<T>", "file:///somewhere/node_modules/@grpc/grpc-js/build/src/server.js", 6) },
    { id: 8, callFrame: frame("(program)") },
  ],
  samples: [3, 6, 7, 4, 5, 8],
  timeDeltas: [100, 200, 300, 250, 5_000, 150],
};

const named = (name: string) => fold(profile).calls.get("turn node:internal/timers:10")?.calls.get(name);

test("stacks that are the same are one, and idle time is none", () => {
  expect(fold(profile).totalUs).toBe(1_000);
  expect(named("write src/registry/write.js:42")).toMatchObject({ selfUs: 300, totalUs: 600, part: "registry" });
});

test("each part's share is what ran itself", () => {
  expect(sharesOf(fold(profile))).toEqual([
    ["registry", 0.3],
    ["grpc-js", 0.3],
    ["garbage collector", 0.25],
    ["native", 0.15],
  ]);
  expect(topOf(fold(profile), 1)).toEqual([["write src/registry/write.js:42", 0.3]]);
});

test("a flame graph names functions without the machine's paths, and is well-formed", () => {
  const svg = flameSvg(fold(profile), "64 < 256 & more");
  expect(svg).toContain("<title>send&lt;T&gt; @grpc/grpc-js/build/src/server.js:7: 30.0 %, itself 30.0 %</title>");
  expect(svg).toContain("64 &lt; 256 &amp; more");
  expect(svg).not.toContain("somewhere");
  expectWellFormed(svg);
});

const nobody = async () => ({ measure: async () => ({ value: 0 }), close: async () => {} });

const rows: Row[] = [
  {
    name: "rate",
    figures: [{ unit: "calls/s", bars: { peer: { gate: 0.8, goal: 1 } } }],
    ours: nobody,
    others: [{ name: "peer", open: nobody }],
  },
  { name: "memory", figures: [{ unit: "bytes", bars: { [OURS]: { gate: 100, goal: 24 } } }], ours: nobody, others: [] },
  { name: "lost", figures: [{ unit: "messages", bars: { [OURS]: { gate: 0 } } }], ours: nobody, others: [] },
  { name: "without a bar", figures: [{ unit: "ms" }], ours: nobody, others: [] },
];

test("the chart has a bar for each line with a gate, coloured by what it holds", () => {
  const lines = rows.flatMap((row) =>
    linesOf({ row, rounds: [{ foreign: 0, samples: { [OURS]: { value: 50 }, peer: { value: 100 } } }] }),
  );
  const svg = chartSvg(lines, "A & B");
  expect(svg).toContain(">rate : peer<");
  expect(svg).toMatch(/fill="#cf222e".*>0\.50</);
  expect(svg).toMatch(/>memory : ours<.*fill="#bf8700".*>50\.0 bytes</);
  expect(svg).not.toContain("without a bar");
  expect(svg).not.toContain("NaN");
  expect(svg).not.toContain(">lost");
  expectWellFormed(svg);
});

/** Every tag that opens is closed, in order, and no text has a bare ampersand. */
function expectWellFormed(svg: string): void {
  const open: string[] = [];
  for (const [, isEnd, name = "", isEmpty] of svg.matchAll(/<(\/?)([a-z]+)[^>]*?(\/?)>/g)) {
    if (isEnd === "/") expect(open.pop()).toBe(name);
    else if (isEmpty !== "/") open.push(name);
  }
  expect(open).toEqual([]);
  expect(svg).not.toMatch(/&(?!amp;|lt;|gt;|quot;)/);
}
