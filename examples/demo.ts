/**
 * The disk can burn, the sockets survive: a team chat that goes on although the registry is killed and its data deleted.
 *
 *   npm run demo
 *
 * Everything is real: an Engram, the registry and three agents are processes, and what is shown is run. It needs no
 * network, and leaves nothing behind. It exits with 0 if everything happened as it should.
 */
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { isDeepStrictEqual } from "node:util";
import { Stage } from "./demo/stage.js";

const opening = `\
An Engram, a registry that keeps its replica there, and three agents. Each is a process, and what an agent does
with a message is a shell script, examples/agent.sh: apollo adds, athena finds the largest, hermes sorts.
`;

/** How long something may take that is looked for again and again. */
const patienceMs = 30_000;
const pauseMs = 100;

const stage = new Stage(process.argv[2] ?? fileURLToPath(new URL("../dist", import.meta.url)));
let exitCode: number | undefined;

for (const [name, code] of [
  ["SIGINT", 130],
  ["SIGTERM", 143],
  ["SIGHUP", 129],
] as const) {
  process.on(name, () => stop(code));
}
process.stdout.on("error", () => stop(1));

try {
  await play();
} catch (error) {
  // What fails because everything is being ended is no news.
  if (exitCode === undefined) console.error(`\nThe demo failed: ${String(error)}\n${stage.complaints}`);
  exitCode ??= 1;
} finally {
  await stage.close();
}
process.exitCode = exitCode ?? 0;

async function play(): Promise<void> {
  say(opening);
  await stage.startEngram();
  const registry = await stage.startRegistry();
  await show("for name in apollo athena hermes; do socketctl create $name; done", ["apollo", "athena", "hermes"]);
  const team = stage.start("the team", ["read", "team-chat-all", "--follow"]);
  const [apollo, athena, hermes] = ["apollo", "athena", "hermes"].map((name) => stage.startAgent(name));

  say("\nA question to the team. The answers are read from the team feed:");
  await show('socketctl write team-chat-all "7 30 12"');
  await hear("apollo: the sum is 49", "athena: the largest is 30", "hermes: in order: 7 12 30");

  say("\nA direct message:");
  await show('socketctl write athena "5 8" --sender me');
  await hear("athena: the largest is 8");

  say("\nhermes goes away. What is written to it waits:");
  expectSame("hermes", await hermes?.end("SIGINT"), 130);
  await show('socketctl write hermes "9 1 5" --sender me');
  const queues = ["SOCKET QUEUE", "team-chat-all 0", "apollo 0", "athena 0", "hermes 1"];
  await until("socketctl ls | awk '{ print $1, $3 }'", queues);
  await show("socketctl ls | awk '{ print $1, $3 }'", queues);

  say("\nThe replica has it all:");
  await replicated();
  const follows = ["state:        replicating", "behind:       0 entries and 0 s"];
  await show("socketctl replication | grep -E '^(state|behind)'", follows);

  say("\nThe registry is killed, and its data directory deleted. The agents and the Engram go on.");
  await show("kill -9 $REGISTRY && rm -rf $DATA");
  expectSame("the registry", await registry.ended, "SIGKILL");
  await show("socketctl restore --dry-run --engram-url $ENGRAM | grep ^sockets", ["sockets:    3"]);

  say("\nIt is started again, with an empty data directory:");
  await stage.startRegistry();
  await show("socketctl ls | awk '{ print $1, $3 }'", queues);

  say("\nThe conversation goes on. apollo and athena were never stopped:");
  await show('socketctl write team-chat-all "4 2"');
  await hear("apollo: the sum is 6", "athena: the largest is 4");
  expectSame("the agents that run", [apollo?.isRunning, athena?.isRunning], [true, true]);

  say("\nhermes comes back, and finds what waited, and what was asked since:");
  stage.startAgent("hermes");
  await hear("hermes: in order: 1 5 9", "hermes: in order: 2 4");
  await until("socketctl ls | awk '{ print $3 }'", ["QUEUE", "0", "0", "0", "0"]);
  expectSame("what else the team said", team.rest, []);
  say("\nNothing was lost, and nothing came twice.");

  /** What the team says next. Who is faster differs from run to run, so it is shown in order of the names. */
  async function hear(...expected: string[]): Promise<void> {
    const lines = await team.take(expected.length);
    // The order of what one of them says stays.
    lines.sort((one, other) => authorOf(one).localeCompare(authorOf(other)));
    for (const line of lines) say(line);
    const wanted = expected.map((line) => line.replace(/^(\w+):/, "[team-chat-from-$1]"));
    expectSame("what the team said", lines, wanted);
  }
}

function authorOf(line: string): string {
  return /^\[team-chat-from-(\w+)\]/.exec(line)?.[1] ?? "";
}

/** Shows a command, runs it, and shows what it prints, which must be this. */
async function show(line: string, expected: readonly string[] = []): Promise<void> {
  say(`$ ${line}`);
  const printed = await stage.run(line);
  for (const text of printed) say(text);
  expectSame("what it printed", printed, expected);
}

/** Runs a command until it prints this: that a message was taken is known soon after its answer, and not before. */
async function until(line: string, expected: readonly string[]): Promise<void> {
  const sinceMs = performance.now();
  for (let printed = await stage.run(line); !isDeepStrictEqual(printed, expected); printed = await stage.run(line)) {
    if (performance.now() - sinceMs > patienceMs) expectSame(line, printed, expected);
    await pause(pauseMs);
  }
}

/**
 * Waits until the replica has everything. What is counted as behind are messages and changes of sockets; who has read
 * what is replicated in the same rounds, so that all of it is there when one more round has begun and ended. The first
 * that is seen is over already, and the second may have begun before.
 */
async function replicated(): Promise<void> {
  const rounds = new Set<unknown>();
  const sinceMs = performance.now();
  while (rounds.size < 3) {
    const [line = "{}"] = await stage.run("socketctl replication --json");
    const { state, lag_entries, last_success_time } = JSON.parse(line);
    if (state === "REPLICATION_STATE_REPLICATING" && lag_entries === "0") rounds.add(last_success_time);
    if (performance.now() - sinceMs > patienceMs) throw new Error(`the replica does not follow: ${line}`);
    await pause(pauseMs);
  }
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

function expectSame(what: string, found: unknown, expected: unknown): void {
  if (isDeepStrictEqual(found, expected)) return;
  throw new Error(`${what}: ${JSON.stringify(found)} instead of ${JSON.stringify(expected)}`);
}

/** Ends the demo before its end. A second Ctrl-C is the same one, heard from npm. */
function stop(code: number): void {
  exitCode ??= code;
  void stage.close();
}
