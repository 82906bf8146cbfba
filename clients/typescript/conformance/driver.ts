/** The driver of the conformance tests: carries out the operations of clients/conformance/README.md with this client. */
import { createInterface } from "node:readline";
import { errorJson, fail } from "./json.js";
import { type Operation, operations, type Run } from "./operations.js";

/** The operations under way, by the id of their line. */
const runs = new Map<number, Run>();

const say = (line: object) => process.stdout.write(`${JSON.stringify(line)}\n`);

say({ ready: true });
for await (const line of createInterface({ input: process.stdin })) void start(JSON.parse(line) as Operation);
process.exit(0);

async function start({ id, op, args = {}, timeout_ms: timeoutMs }: Operation): Promise<void> {
  const cancelled = new AbortController();
  const run: Run = { args, timeoutMs, cancelled, bodies: new Map(), item: (item) => void say({ id, item }) };
  runs.set(id, run);
  try {
    const carryOut = operations[op] ?? fail(`there is no operation ${op}`);
    say({ id, result: await carryOut(run, runs) });
  } catch (error) {
    say({ id, error: cancelled.signal.aborted ? { code: "CANCELLED", reason: "", metadata: {} } : errorJson(error) });
  } finally {
    runs.delete(id);
  }
}
