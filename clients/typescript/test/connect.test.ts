/** The connection: what it sends along, how its calls fail, and that nothing of it is left. */
import { execFileSync } from "node:child_process";
import { getEventListeners } from "node:events";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { type Metadata, Server, ServerCredentials, status } from "@grpc/grpc-js";
import { expect, onTestFinished, test } from "vitest";
import {
  connect,
  GetServerInfoResponse,
  nameOf,
  RegistryError,
  reasonOf,
  SocketRegistryService,
  SocketState,
} from "../src/index.js";
import { open } from "./opened.js";

const withoutToken = /a token is not sent to registry\.example:443 without TLS/;

test("a token goes to loopback, or over TLS, and nowhere else", async () => {
  expect(() => connect("registry.example:443", { token: "secret" })).toThrow(withoutToken);
  await connect("registry.example:443", { token: "secret", tls: true }).close();
  const seen: Metadata[] = [];
  const address = await serveInfo((metadata) => seen.push(metadata));
  const registry = connect(address, { token: "secret" });
  await registry.serverInfo();
  await registry.close();
  expect(seen.map((metadata) => metadata.get("authorization"))).toEqual([["Bearer secret"]]);
});

test.each(["127.0.0.1:1", "localhost:1", "[::1]:1", "dns:///localhost:1", "ipv4:127.0.0.1:1", "unix:/run/registry"])(
  "%s is this machine",
  async (address) => {
    await connect(address, { token: "secret" }).close();
  },
);

test.each(["localhost.example:1", "127.0.0.1.example:1", "10.0.0.1:1"])("%s is not", (address) => {
  expect(() => connect(address, { token: "secret" })).toThrow(TypeError);
});

test("errors carry code, reason and values", async () => {
  const { registry } = await open();
  const error = await registry
    .socket("nobody")
    .write("?")
    .catch((caught: unknown) => caught);
  expect(error).toBeInstanceOf(RegistryError);
  expect(error).toMatchObject({
    code: status.NOT_FOUND,
    reason: "SOCKET_NOT_FOUND",
    metadata: { socket_id: "nobody" },
    message: "SOCKET_NOT_FOUND: there is no socket nobody",
  });
  expect(reasonOf(error)).toBe("SOCKET_NOT_FOUND");
  expect(reasonOf(new Error("another"))).toBe("");
});

test("the reasons are those of the registry, and INTERNAL", () => {
  const reasonsIn = (path: string) => {
    const source = readFileSync(new URL(path, import.meta.url), "utf8");
    const union = source.slice(source.indexOf("export type Reason"));
    return [...union.slice(0, union.indexOf(";")).matchAll(/"([A-Z_]+)"/g)].map((match) => match[1]);
  };
  expect(reasonsIn("../src/errors.ts")).toEqual([...reasonsIn("../../../src/registry/errors.ts"), "INTERNAL"]);
});

test("a call that is aborted rejects with the reason, and its signal is left as it was", async () => {
  const { registry } = await open();
  const stop = new AbortController();
  const calls = Array.from({ length: 20 }, () => registry.serverInfo({ signal: stop.signal }));
  expect(getEventListeners(stop.signal, "abort")).toHaveLength(1);
  await Promise.all(calls);
  expect(getEventListeners(stop.signal, "abort")).toEqual([]);
  stop.abort(new Error("enough"));
  await expect(registry.serverInfo({ signal: stop.signal })).rejects.toThrow("enough");
});

test("the sender of the connection signs what does not name one", async () => {
  const { registry, service } = await open({}, { sender: "me" });
  await service.create({ socketId: "x" });
  await registry.socket("x").write("one");
  await registry.socket("x").write("two", { sender: "" });
  await registry.broadcast("three");
  await registry.socket("x").say("four");
  await registry.ask("five", { socketId: "x", timeoutMs: 1 }).collect();
  const senders = (await service.drain("x")).map(({ content, sender }) => [content, sender]);
  expect(senders).toEqual([
    ["one", "me"],
    ["two", ""],
    ["three", "me"],
    ["five", "me"],
  ]);
});

test("update changes what is named, single settings too", async () => {
  const { registry } = await open();
  const config = { maxQueueSize: 7, ackDeadline: { seconds: 1 } };
  const socket = await registry.create({ socketId: "x", model: "m", labels: { a: "1" }, config });
  const updated = await socket.update({ labels: {}, config: { ackDeadline: undefined, maxDeliveryAttempts: 3 } });
  expect(updated).toMatchObject({ model: "m", labels: {}, config: { maxQueueSize: 7, maxDeliveryAttempts: 3 } });
  expect(updated.config?.ackDeadline).toBeUndefined();
});

test("a question is iterated over once, and its summary says who is missing", async () => {
  const { registry, service } = await open();
  await service.createAll("x", "y");
  const asking = registry.ask("?", { timeoutMs: 60_000, maxReplies: 1 });
  const { messageId } = await asking.asked;
  await registry.socket("y").say("here", { replyTo: messageId });
  const { replies, summary } = await asking.collect();
  expect(replies.map(({ sender, content }) => [sender, content])).toEqual([["y", "here"]]);
  expect(summary).toMatchObject({ answered: ["y"], missingCount: 1 });
  expect(asking.summary).toBe(summary);
  await expect(asking.collect()).rejects.toThrow(TypeError);
});

test("list pages through all, and peek and requeue through a queue", async () => {
  const { registry, service } = await open();
  await service.createAll("a", "b", "c");
  await service.writeAll("b", "one", "two");
  const ids: string[] = [];
  for await (const { socketId, state } of registry.list({ pageSize: 2 })) {
    ids.push(socketId);
    expect(nameOf(SocketState, state)).toBe("ACTIVE");
  }
  expect(ids).toEqual(["team-chat-all", "a", "b", "c"]);
  const contents: string[] = [];
  for await (const { content } of registry.socket("b").peek()) contents.push(content);
  expect(contents).toEqual(["one", "two"]);
  expect(await registry.socket("b").requeue()).toBe(0);
});

test("after close nothing is left that keeps a program alive", () => {
  const program = fileURLToPath(new URL("everything.ts", import.meta.url));
  const printed = execFileSync(process.execPath, ["--import", "tsx", program], {
    encoding: "utf8",
    timeout: 20_000,
  });
  expect(JSON.parse(printed)).toEqual([]);
});

/** A server that only answers GetServerInfo. */
async function serveInfo(onCall: (metadata: Metadata) => void): Promise<string> {
  const server = new Server();
  const { getServerInfo } = SocketRegistryService;
  server.addService(
    { getServerInfo },
    {
      getServerInfo(call: { metadata: Metadata }, done: (error: null, response: GetServerInfoResponse) => void) {
        onCall(call.metadata);
        done(null, GetServerInfoResponse.fromPartial({}));
      },
    },
  );
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) => {
      if (error === null) resolve(bound);
      else reject(error);
    });
  });
  onTestFinished(() => server.forceShutdown());
  return `127.0.0.1:${port}`;
}
