/** What measurements say: which rounds count, how ours compares, and whether that is enough. */
import { type Bar, type Figure, isRate, OURS, type Row, type Sample, type Unit } from "./row.js";
import { type Summary, summary } from "./statistics.js";

/** More than this of strangers' work, in cores, disturbs a round. */
const FOREIGN_MAX = 0.3;
/** So many quiet rounds are enough to leave out the others. */
const QUIET_MIN = 3;
/** By this factor a gross loss misses its gate. */
const GROSS = 2;

export interface Round {
  /** How many cores others used meanwhile, where that is known. */
  readonly foreign: number | undefined;
  /** By the name of the contender. */
  readonly samples: Readonly<Record<string, Sample>>;
}

/** What was measured of one row. */
export interface Measured {
  readonly row: Row;
  readonly rounds: readonly Round[];
}

export type Verdict = "goal" | "gate" | "short" | "gross";

/** One line of the table: a figure of ours, alone or beside one other. */
export interface Line {
  readonly name: string;
  readonly unit: Unit;
  readonly ours: Summary;
  /** Absent where ours is held against the bar alone. */
  readonly other?: { readonly name: string; readonly figure: Summary };
  /** What the bar asks about: the median of each round's ratio or difference, or ours itself. */
  readonly compared: Summary;
  readonly cpu?: Summary;
  readonly bar?: Bar;
  readonly verdict?: Verdict;
  /** How many rounds count, of how many, and how much others worked in those, where that is known. */
  readonly used: number;
  readonly taken: number;
  readonly foreign?: number;
  readonly isDisturbed: boolean;
}

const isQuiet = ({ foreign }: Round): boolean => foreign === undefined || foreign <= FOREIGN_MAX;

/** Rounds that nobody disturbed; all, where too few are left. */
export function quietRounds(rounds: readonly Round[]): readonly Round[] {
  const quiet = rounds.filter(isQuiet);
  return quiet.length >= QUIET_MIN ? quiet : rounds;
}

/** Every line of a row. */
export function linesOf({ row, rounds }: Measured): Line[] {
  const used = quietRounds(rounds);
  return row.figures.flatMap((figure) => {
    const others = row.others.map(({ name }) => name).filter((name) => used.every(({ samples }) => name in samples));
    const beside = others.filter((name) => used.every((round) => figureIn(round, name, figure) !== undefined));
    const alone = figure.bars?.[OURS] !== undefined || beside.length === 0;
    return [...(alone ? [OURS] : []), ...beside].map((other) => lineOf(row, figure, other, used, rounds.length));
  });
}

function lineOf(row: Row, figure: Figure, other: string, rounds: readonly Round[], taken: number): Line {
  const bar = figure.bars?.[other];
  const ours = valuesOf(rounds, OURS, figure);
  const theirs = valuesOf(rounds, other, figure);
  const compare = (mine: number, index: number): number => {
    const value = theirs[index] ?? Number.NaN;
    return bar?.as === "difference" ? mine - value : mine / value;
  };
  const compared = summary(other === OURS ? ours : ours.map(compare));
  const foreign = rounds.flatMap((round) => round.foreign ?? []);
  const cpu =
    other === OURS ? [] : rounds.flatMap(({ samples }) => ratioOf(samples[OURS]?.cpuUs, samples[other]?.cpuUs));
  return {
    name: figure.name === undefined ? row.name : `${row.name}, ${figure.name}`,
    unit: figure.unit,
    ours: summary(ours),
    ...(other === OURS ? {} : { other: { name: other, figure: summary(theirs) } }),
    compared,
    ...(cpu.length === 0 ? {} : { cpu: summary(cpu) }),
    ...(bar === undefined ? {} : { bar, verdict: verdictOf(compared.median, bar, isRate(figure.unit)) }),
    used: rounds.length,
    taken,
    ...(foreign.length === 0 ? {} : { foreign: Math.max(...foreign) }),
    isDisturbed: !rounds.every(isQuiet),
  };
}

/** What has no number falls short. */
export function verdictOf(value: number, { gate, goal }: Bar, isHighGood: boolean): Verdict {
  const holds = (wanted: number): boolean => (isHighGood ? value >= wanted : value <= wanted);
  if (gate !== undefined && !holds(gate)) return holds(isHighGood ? gate / GROSS : gate * GROSS) ? "short" : "gross";
  return goal === undefined || holds(goal) ? "goal" : "gate";
}

/** The lines that do not hold their gate; with `isGross`, only those that miss it by far. */
export function shortfalls(lines: readonly Line[], isGross: boolean): Line[] {
  return lines.filter(({ verdict }) => verdict === "gross" || (verdict === "short" && !isGross));
}

function valuesOf(rounds: readonly Round[], name: string, figure: Figure): number[] {
  return rounds.map((round) => figureIn(round, name, figure) ?? Number.NaN);
}

function figureIn({ samples }: Round, name: string, { detail }: Figure): number | undefined {
  const sample = samples[name];
  return detail === undefined ? sample?.value : sample?.details?.[detail];
}

function ratioOf(ours: number | undefined, theirs: number | undefined): number[] {
  return ours === undefined || theirs === undefined ? [] : [ours / theirs];
}
