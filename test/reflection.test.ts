/**
 * A client that has no proto file finds the service by reflection and can call all of it. grpcurl is that client where
 * it is installed (`GRPCURL` names it), and buf where it is not.
 */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { startService } from "./support/client.js";
import { methods } from "./support/malformed.js";

const root = fileURLToPath(new URL("..", import.meta.url));
const grpcurl = process.env["GRPCURL"];
const serviceName = "socketregistry.v1.SocketRegistry";

interface Tool {
  list(address: string): Promise<string>;
  call(address: string, method: string, request: object): Promise<string>;
}

/** What a tool prints; rejects with what it says when it fails. */
async function run(command: string, ...args: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(command, args, { cwd: root });
  return stdout;
}

function bufTool(protocol: string): Tool {
  const options = ["--protocol", "grpc", "--http2-prior-knowledge", "--reflect-protocol", protocol];
  const curl = (...args: string[]) => run("node_modules/.bin/buf", "curl", ...options, ...args);
  return {
    list: (address) => curl("--list-services", `http://${address}`),
    call: (address, method, request) => curl("--data", JSON.stringify(request), `http://${address}/${method}`),
  };
}

function grpcurlTool(path: string): Tool {
  return {
    list: (address) => run(path, "-plaintext", address, "list"),
    call: (address, method, request) => run(path, "-plaintext", "-d", JSON.stringify(request), address, method),
  };
}

const tools: [string, Tool][] = [
  ["buf with reflection v1", bufTool("grpc-v1")],
  ["buf with reflection v1alpha", bufTool("grpc-v1alpha")],
];
if (grpcurl !== undefined) tools.push(["grpcurl", grpcurlTool(grpcurl)]);

/**
 * A request for each RPC, and what its answer shows, or its refusal. The sockets x and y are there, x with a message.
 * Watch has no end of its own, and the id of a message is not known before.
 */
const calls: Record<string, [object, string]> = {
  Create: [{ socketId: "new", model: "m", context: { a: [1, null] }, labels: { l: "v" } }, '"a"'],
  Write: [{ socketId: "x", message: "hello", metadata: { b: true } }, '"deliveredCount"'],
  WriteStream: [{ writes: [{ socketId: "x", message: "hello" }, { socketId: "nobody" }] }, '"SOCKET_NOT_FOUND"'],
  Read: [{ socketId: "x", noWait: true }, '"content": "there before"'],
  Reset: [{ socketId: "x", scope: "RESET_SCOPE_QUEUE" }, '"SOCKET_STATE_ACTIVE"'],
  Delete: [{ socketId: "y" }, "{"],
  ListSockets: [{ states: ["SOCKET_STATE_ACTIVE"] }, '"team-chat-all"'],
  GetSocketInfo: [{ socketId: "x" }, '"maxQueueSize": 9'],
  MarkUnresponsive: [{ socketId: "x", reason: "gone" }, '"gone"'],
  MarkActive: [{ socketId: "x" }, '"SOCKET_STATE_ACTIVE"'],
  MarkInactive: [{ socketId: "x" }, '"SOCKET_STATE_INACTIVE"'],
  Peek: [{ socketId: "x" }, "{"],
  Acknowledge: [{ socketId: "x", sequences: [7], ackDeadline: "300s" }, '"staleSequences"'],
  Requeue: [{ socketId: "x" }, "{"],
  Heartbeat: [{ socketId: "x" }, '"SOCKET_STATE_INACTIVE"'],
  Update: [{ socket: { socketId: "x", model: "updated" } }, '"updated"'],
  GetMessage: [{ messageId: "m", pageSize: 1 }, "there is no message m"],
  Watch: [{ afterRevision: "1000000", heartbeatInterval: "60s" }, "after revision 1000000 are not there"],
  Ask: [{ message: "?", timeout: "0.010s", matchLabels: { l: "v" } }, '"summary"'],
  GetServerInfo: [{}, '"REPLICATION_STATE_OFF"'],
};

async function start() {
  const service = await startService();
  await service.create({ socketId: "x", config: { maxQueueSize: 9 } });
  await service.createAll("y");
  await service.writeAll("x", "there before");
  return service.server.address;
}

test.each(tools)("%s lists the service, health and both reflections", async (_, tool) => {
  const address = await start();
  expect((await tool.list(address)).trim().split("\n").sort()).toEqual([
    "grpc.health.v1.Health",
    "grpc.reflection.v1.ServerReflection",
    "grpc.reflection.v1alpha.ServerReflection",
    serviceName,
  ]);
});

test.each(tools)("%s can call every RPC of the service", async (_, tool) => {
  const address = await start();
  for (const { name } of methods) {
    const [request, shown] = calls[name] ?? expect.unreachable(`there is no request for ${name} in this test`);
    const said = await tool.call(address, `${serviceName}/${name}`, request).catch(({ stderr }) => stderr);
    expect(said, name).toContain(shown);
  }
});

test.each(tools)("%s can ask health", async (_, tool) => {
  const address = await start();
  expect(await tool.call(address, "grpc.health.v1.Health/Check", { service: serviceName })).toContain("SERVING");
});

test.each(tools)("%s shows why a call is refused", async (_, tool) => {
  const address = await start();
  const failure = await tool.call(address, `${serviceName}/Peek`, { socketId: "nobody" }).catch(({ stderr }) => stderr);
  expect(failure).toContain("there is no socket nobody");
});
