/** A program that has everything going on when it closes its connection, and prints what keeps it alive after that. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startTestServer } from "../../../test/support/server.js";
import { connect } from "../src/index.js";

const dataDir = mkdtempSync(join(tmpdir(), "socket-registry-"));
const server = await startTestServer({ dataDir });
const idle = resources();
const registry = connect(server.address);
const socket = await registry.create({ socketId: "x" });
await socket.write("one");

const agent = registry.agent("agent", () => "fine");
const handling = socket.handle(() => {}, { maxOutstanding: 3 });
const watching = drain(registry.watch());
const looping = drain(registry.team.messages({ consumer: "c" }));
const asking = registry.ask("?", { timeoutMs: 600_000 });
await asking.asked;
const writing = registry.writer().write("x", "two");
const ended = Promise.allSettled([agent, handling, watching, looping, writing]);
await registry.close();
await ended;

console.log(JSON.stringify(resources().filter((name) => !idle.includes(name))));
await server.stop();
rmSync(dataDir, { recursive: true });

async function drain(items: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of items);
}

/** What would keep this process from ending, but for what it prints to. */
function resources(): string[] {
  return process
    .getActiveResourcesInfo()
    .filter((name) => !/^(TTY|Pipe|TCPServer|TCPSocket)Wrap$|Immediate/.test(name));
}
