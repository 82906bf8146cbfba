/** What the bench makes of its measurements: which rounds count, how ours compares, and whether that is enough. */
import { expect, test } from "vitest";
import { linesOf, type Round, shortfalls, verdictOf } from "../bench/judge.js";
import { tableLine } from "../bench/report.js";
import { OURS, type Row } from "../bench/row.js";
import { allRows } from "../bench/rows.js";

const nobody = async () => ({ measure: async () => ({ value: 0 }), close: async () => {} });

const row: Row = {
  name: "write",
  figures: [{ unit: "calls/s", bars: { etcd: { gate: 0.8, goal: 1 } } }],
  ours: nobody,
  others: [
    { name: "etcd", open: nobody },
    { name: "empty handler", open: nobody },
  ],
};

/** A round in which ours reached so much, and others 100. */
const round = (ours: number, foreign?: number): Round => ({
  foreign,
  samples: { [OURS]: { value: ours, cpuUs: 20 }, etcd: { value: 100, cpuUs: 10 }, "empty handler": { value: 100 } },
});

test("a rate must reach its gate, a time must stay below it", () => {
  expect(verdictOf(1.1, { gate: 0.8, goal: 1 }, true)).toBe("goal");
  expect(verdictOf(0.9, { gate: 0.8, goal: 1 }, true)).toBe("gate");
  expect(verdictOf(0.7, { gate: 0.8, goal: 1 }, true)).toBe("short");
  expect(verdictOf(0.9, { gate: 1.2, goal: 1 }, false)).toBe("goal");
  expect(verdictOf(1.1, { gate: 1.2, goal: 1 }, false)).toBe("gate");
  expect(verdictOf(1.3, { gate: 1.2, goal: 1 }, false)).toBe("short");
});

test("a loss is gross below half of a rate's gate, and above twice a time's", () => {
  expect(verdictOf(0.4, { gate: 0.8 }, true)).toBe("short");
  expect(verdictOf(0.39, { gate: 0.8 }, true)).toBe("gross");
  expect(verdictOf(2.4, { gate: 1.2 }, false)).toBe("short");
  expect(verdictOf(2.5, { gate: 1.2 }, false)).toBe("gross");
});

test("what could not be measured does not hold", () => {
  expect(verdictOf(Number.NaN, { gate: 0.8 }, true)).toBe("gross");
  expect(verdictOf(Number.NaN, { gate: 0.8 }, false)).toBe("gross");
});

test("a goal without a gate is never missed for the gate", () => {
  expect(verdictOf(2, { goal: 1.5 }, false)).toBe("gate");
});

test("each other has a line, and a ratio is the median of the rounds' ratios", () => {
  const [etcd, empty] = linesOf({ row, rounds: [round(70), round(90), round(120)] });
  expect(etcd?.other?.name).toBe("etcd");
  expect(etcd?.compared).toEqual({ median: 0.9, min: 0.7, max: 1.2 });
  expect(etcd?.cpu?.median).toBe(2);
  expect(etcd?.verdict).toBe("gate");
  expect(empty?.verdict).toBeUndefined();
  expect(empty?.cpu).toBeUndefined();
});

test("disturbed rounds are left out while three quiet ones remain", () => {
  const quiet = [round(90, 0.1), round(91, 0.2), round(92, 0.3)];
  const [line] = linesOf({ row, rounds: [...quiet, round(10, 0.9)] });
  expect(line).toMatchObject({ used: 3, taken: 4, isDisturbed: false });
  expect(line?.compared.min).toBe(0.9);
});

test("where too few are quiet all rounds count, and the table says that they were disturbed", () => {
  const [line] = linesOf({ row, rounds: [round(90, 0.1), round(91, 0.2), round(10, 0.9)] });
  expect(line).toMatchObject({ used: 3, taken: 3, isDisturbed: true });
  expect(line === undefined ? "" : tableLine(line)).toContain("write (disturbed: 0.9 cores)");
});

test("without a peer its line is missing, and nothing falls short for it", () => {
  const rounds = [1, 2, 3].map(() => ({
    foreign: 0,
    samples: { [OURS]: { value: 10 }, "empty handler": { value: 100 } },
  }));
  const lines = linesOf({ row, rounds });
  expect(lines.map(({ other }) => other?.name)).toEqual(["empty handler"]);
  expect(shortfalls(lines, false)).toEqual([]);
});

test("ours alone is held against the bar itself, in the figure's unit", () => {
  const alone: Row = {
    ...row,
    figures: [{ unit: "bytes", detail: "bytes", bars: { [OURS]: { gate: 100, goal: 24 } } }],
    others: [],
  };
  const [line] = linesOf({
    row: alone,
    rounds: [{ foreign: 0, samples: { [OURS]: { value: 1, details: { bytes: 60 } } } }],
  });
  expect(line?.verdict).toBe("gate");
  expect(line === undefined ? "" : tableLine(line)).toContain("| ≤ 100 bytes | ≤ 24 bytes | gate |");
});

test("a difference is ours less the other", () => {
  const more: Row = { ...row, figures: [{ unit: "% of a core", bars: { etcd: { gate: 1, as: "difference" } } }] };
  const [line] = linesOf({ row: more, rounds: [round(100.5), round(101.5), round(102.5)] });
  expect(line?.compared.median).toBe(1.5);
  expect(line?.verdict).toBe("short");
});

test("the gate tells what falls short, its short form only gross losses", () => {
  const lines = linesOf({ row, rounds: [round(70)] });
  expect(shortfalls(lines, false)).toHaveLength(1);
  expect(shortfalls(lines, true)).toHaveLength(0);
  expect(shortfalls(linesOf({ row, rounds: [round(30)] }), true)).toHaveLength(1);
});

test("rows have names of their own, and every bar is about somebody who is measured", () => {
  expect(new Set(allRows.map(({ name }) => name)).size).toBe(allRows.length);
  for (const { figures, others } of allRows) {
    const names = [OURS, ...others.map(({ name }) => name)];
    for (const { bars = {} } of figures) for (const name of Object.keys(bars)) expect(names).toContain(name);
  }
});
