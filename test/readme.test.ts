/**
 * The README says what is: its tables are compared with the code, and every command in it is run, in order, against one
 * server, as a reader would run them.
 */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { status } from "@grpc/grpc-js";
import { expect, test } from "vitest";
import { SocketRegistryService } from "../gen/ts/socketregistry/v1/socket_registry.js";
import { RegistryError } from "../src/registry/errors.js";
import { statusMessage } from "../src/rpc/status.js";
import { connect } from "./support/client.js";
import { demoOutput } from "./support/demo-output.js";
import { startTestEngram } from "./support/engram.js";
import { knownReasons } from "./support/reasons.js";
import { replicated } from "./support/replicated.js";
import { startTestServer } from "./support/server.js";
import { settingsTable } from "./support/settings-table.js";
import { startShell } from "./support/socketctl.js";

const root = fileURLToPath(new URL("..", import.meta.url));
const readme = readFileSync(join(root, "README.md"), "utf8");

/** Commands that need grpcurl run where it is installed; `.ci/run` installs it. */
const grpcurl = process.env["GRPCURL"] ?? findGrpcurl();

/** What does the same as a command with grpcurl. */
const withoutGrpcurl = [
  ["SocketRegistry/Create", "socketctl create hermes --model claude-3"],
  ["SocketRegistry/Write", 'socketctl write hermes "Any news?"'],
  ["SocketRegistry/Read", "socketctl read hermes"],
] as const;

interface Command {
  readonly line: string;
  readonly expected: string;
}

test("the settings table is that of the code", () => {
  expect(readme).toContain(settingsTable());
});

test("the error table names every reason with its code", () => {
  const silent = { error: () => {} };
  const expected = knownReasons().map((reason) => [
    reason,
    status[statusMessage(new RegistryError(reason, ""), silent).code],
  ]);
  const listed = [...readme.matchAll(/^\| `([A-Z_]+)` \| ([A-Z_]+) \|/gm)].map((match) => [match[1], match[2]]);
  expect(listed.sort()).toEqual([...expected, ["INTERNAL", "INTERNAL"]].sort());
});

test("the table of verbs names every RPC", () => {
  const verbs = readme.slice(readme.indexOf("## The verbs"), readme.indexOf("What they look like"));
  const listed = [...verbs.matchAll(/`([A-Z]\w+)`/g)].map((match) => match[1] ?? "");
  for (const { path } of Object.values(SocketRegistryService)) expect(listed).toContain(path.split("/").at(-1));
});

test("what the demo is said to print is what it prints", () => {
  expect(readme).toContain(`$ npm run --silent demo\n${demoOutput.trim()}\n`);
});

test("every file that the README points to is there", () => {
  const paths = [...readme.matchAll(/\]\((?!http|#)([^)#]+)\)/g)].map((match) => match[1] ?? "");
  expect(paths.length).toBeGreaterThan(3);
  for (const path of paths) expect(existsSync(join(root, path)), path).toBe(true);
});

test("every command of the README prints what it says", async () => {
  const engram = await startTestEngram();
  const server = await startTestServer({ engramUrl: engram.url, replicationIntervalMs: 50 });
  try {
    for (const command of commands()) {
      if (command.line.includes("replication")) await replicated(connect(server.address));
      if (command.line.startsWith("grpcurl") && grpcurl === undefined) {
        // What comes later stands on what grpcurl would have done.
        for (const [rpc, line] of withoutGrpcurl) if (command.line.includes(rpc)) await run(line, server.address);
        continue;
      }
      const line = command.line.replaceAll("http://127.0.0.1:8000", engram.url);
      const printed = await run(line, server.address);
      expect(masked(printed), command.line).toBe(masked(command.expected));
    }
  } finally {
    await server.stop();
  }
}, 120_000);

test("the example holds a team chat, and finds its sockets again after a restart", async () => {
  const server = await startTestServer();
  const first = await run("node --import tsx examples/team-chat.ts", server.address);
  await server.stop();
  const again = await startTestServer({ dataDir: server.dataDir });
  const second = await run("node --import tsx examples/team-chat.ts", again.address);
  await again.stop();
  const chat = [
    '[team-chat-from-apollo]: apollo on "How can we optimize our system?": measure first.',
    '[team-chat-from-athena]: athena on "How can we optimize our system?": measure first.',
  ];
  expect(first.split("\n").slice(0, 2)).toEqual(chat);
  expect(first).toMatch(/^helper has 1 waiting since /m);
  // What nobody had read before the restart waits still, behind it the second run's own message.
  expect(second).toMatch(/^helper has 3 waiting since /m);
});

/** The commands of the console blocks, each with what follows it up to the next. */
function commands(): Command[] {
  const blocks = [...readme.matchAll(/```console\n([\s\S]*?)```/g)].map((match) => match[1] ?? "");
  return blocks.flatMap((block) =>
    block
      .split(/^\$ /m)
      .slice(1)
      .map((text) => {
        const [line = "", ...expected] = text.split("\n");
        return { line, expected: expected.join("\n") };
      }),
  );
}

/** What a line of shell prints, both streams, as on a terminal. */
async function run(line: string, address: string): Promise<string> {
  const script = line.replaceAll("127.0.0.1:50051", address).replace(/^grpcurl/, grpcurl ?? "grpcurl");
  const { child, result } = startShell(address, script);
  child.stdin.end();
  const { stdout, stderr } = await result;
  return stdout + stderr;
}

/** Without what differs from run to run: ids, epochs, times. */
function masked(text: string): string {
  return text
    .replace(/\b[0-9a-f]{8}-[0-9a-z]+\b/g, "<message id>")
    .replace(/"epoch": "[0-9a-f]{8}"/g, '"epoch": "<epoch>"')
    .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, "<time>");
}

function findGrpcurl(): string | undefined {
  const installed = join(root, ".tools/bin/grpcurl");
  if (existsSync(installed)) return installed;
  try {
    return execFileSync("which", ["grpcurl"], { encoding: "utf8" }).trim();
  } catch {
    return undefined;
  }
}
