/** One row, measured: all contenders in every round, so that whatever else the machine does meets each of them. */
import type { Measured, Round } from "./judge.js";
import { isInstalled } from "./peers.js";
import { foreignCores, moment } from "./processes.js";
import { type Contender, type Effort, type Open, OURS, type Row, type Sample } from "./row.js";

/** Where some are compared, the first round is for warming up and does not count. */
export async function measure(row: Row, effort: Effort, rounds: number): Promise<Measured> {
  const others = row.others.filter(({ peer }) => peer === undefined || isInstalled(peer));
  const opens: { name: string; open: Open }[] = [{ name: OURS, open: row.ours }, ...others];
  const opened: { name: string; contender: Contender }[] = [];
  try {
    for (const { name, open } of opens) opened.push({ name, contender: await open(effort) });
    const counted: Round[] = [];
    for (let round = opened.length > 1 ? 0 : 1; round <= Math.min(rounds, row.rounds ?? rounds); round++) {
      const result = await measureRound(rotated(opened, round));
      if (round > 0) counted.push(result);
    }
    return { row, rounds: counted };
  } finally {
    for (const { contender } of opened) await contender.close();
  }
}

/** Which peers a row lacks. */
export function absentPeers(row: Row): string[] {
  return row.others.flatMap(({ name, peer }) => (peer === undefined || isInstalled(peer) ? [] : [name]));
}

async function measureRound(contenders: readonly { name: string; contender: Contender }[]): Promise<Round> {
  const samples: Record<string, Sample> = {};
  const start = moment();
  for (const { name, contender } of contenders) samples[name] = await contender.measure();
  return { foreign: foreignCores(start), samples };
}

/** Who comes first changes, because the first one finds the machine as the round before left it. */
function rotated<T>(all: readonly T[], by: number): T[] {
  const first = by % all.length;
  return [...all.slice(first), ...all.slice(0, first)];
}
