/** What the system knows of processes: their CPU time, and how much of the machine went to strangers. */
import { readdirSync, readFileSync } from "node:fs";

/** Linux tells the times of a process in hundredths of a second, whatever the kernel counts in. */
const TICK_MS = 10;

/** The columns of /proc/<pid>/stat behind the name, by their number in its manual. */
const [PARENT, USER, SYSTEM, CHILDREN_USER, CHILDREN_SYSTEM] = [4, 14, 15, 16, 17];
const FIRST = 3;

interface Times {
  readonly parent: number;
  /** Of the process, and of its children that are gone. */
  readonly ownMs: number;
  readonly goneMs: number;
}

/** The CPU time of a process so far, all its threads together. */
export function cpuMsOf(pid: number): number {
  return timesOf(pid)?.ownMs ?? Number.NaN;
}

/** A moment in the life of the machine. */
export interface Moment {
  readonly atMs: number;
  readonly allMs: number;
  readonly oursMs: number;
}

/** Absent where there is no /proc. */
export function moment(): Moment | undefined {
  try {
    return { atMs: performance.now(), allMs: busyMs(), oursMs: familyMs() };
  } catch {
    return undefined;
  }
}

/** How many cores others used since then. It may be a little below 0, since ticks are counted. */
export function foreignCores(since: Moment | undefined): number | undefined {
  const now = moment();
  if (since === undefined || now === undefined) return undefined;
  return (now.allMs - since.allMs - (now.oursMs - since.oursMs)) / (now.atMs - since.atMs);
}

/** The time that all cores worked: user, nice, system, irq, softirq, and what a host took away. */
function busyMs(): number {
  const [, user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] = readFileSync("/proc/stat", "utf8")
    .slice(0, 200)
    .split(/\s+/)
    .map(Number);
  return (user + nice + system + irq + softirq + steal) * TICK_MS;
}

/** The CPU time of this process and of everything that it started, whether it is still there or not. */
function familyMs(): number {
  const all = new Map<number, Times>();
  for (const name of readdirSync("/proc")) {
    const times = /^\d+$/.test(name) ? timesOf(Number(name)) : undefined;
    if (times !== undefined) all.set(Number(name), times);
  }
  const isOurs = (pid: number): boolean => {
    for (let up = pid; up > 1; up = all.get(up)?.parent ?? 0) if (up === process.pid) return true;
    return false;
  };
  return [...all].filter(([pid]) => isOurs(pid)).reduce((sum, [, { ownMs, goneMs }]) => sum + ownMs + goneMs, 0);
}

function timesOf(pid: number): Times | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const columns = stat
      .slice(stat.lastIndexOf(")") + 2)
      .split(" ")
      .map(Number);
    const column = (number: number): number => columns[number - FIRST] ?? 0;
    const ownMs = (column(USER) + column(SYSTEM)) * TICK_MS;
    const goneMs = (column(CHILDREN_USER) + column(CHILDREN_SYSTEM)) * TICK_MS;
    return { parent: column(PARENT), ownMs, goneMs };
  } catch {
    return undefined;
  }
}
