/** One Engram over HTTP: every call ends, in time and in bounds, with an answer or with an error that says what it was. */
import { createServer, type Socket } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { Peer } from "../src/replication/peer.js";
import { PeerError } from "../src/replication/peer-error.js";
import { startTestEngram } from "./support/engram.js";
import { answering, never, peerAt } from "./support/peer.js";

const get = (peer: Peer, path = "/x", signal = never) => peer.request("GET", path, { signal });

/** A server of bytes: what it sends to whoever connects, and what it does then. */
async function sending(bytes: string, then: (socket: Socket) => void = () => {}) {
  let isCut = false;
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("close", () => {
      isCut = true;
    });
    socket.on("error", () => {});
    socket.once("data", () => void socket.write(bytes, () => then(socket)));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const address = server.address();
  const port = typeof address === "object" ? address?.port : 0;
  return { url: `http://127.0.0.1:${port}`, isCut: () => isCut };
}

test("an answer is its status, and JSON where that is promised", async () => {
  const tell = (status: number, type: string, body: unknown) =>
    answering(() => ({ status, body, headers: { "content-type": type } })).then(({ url }) => get(peerAt(url)));
  expect(await tell(200, "application/json", '{"a":[1,"é"]}')).toEqual({
    call: "GET /x",
    status: 200,
    type: "application/json",
    body: { a: [1, "é"] },
    said: "",
  });
  expect(await tell(500, "Application/Problem+JSON; x=y", { detail: "no\n\u0007 space" })).toMatchObject({
    status: 500,
    body: { detail: "no\n\u0007 space" },
    said: "no space",
  });
  expect(await tell(200, "text/html", '{"a":1}')).toMatchObject({ status: 200, type: "text/html", body: undefined });
  expect(await tell(500, "application/json", "{")).toMatchObject({ status: 500, body: undefined });
  expect(await tell(200, "application/json", "")).toMatchObject({ status: 200, body: undefined });
  expect(await tell(400, "application/json", { error: "x".repeat(5_000) })).toMatchObject({ said: "x".repeat(200) });
});

test.each([
  ["cut JSON", '{"a":'],
  ["text", "hello"],
  ["bytes that are no UTF-8", Buffer.from([0x22, 0xff, 0x22]).toString("latin1")],
])("a success whose JSON is %s is malformed", async (_, body) => {
  const bytes = Buffer.from(body, "latin1");
  const head = `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${bytes.length}\r\n\r\n`;
  const { url } = await sending("", (socket) => void socket.write(Buffer.concat([Buffer.from(head), bytes])));
  await expect(get(peerAt(url))).rejects.toMatchObject({ name: "PeerError", fault: "MALFORMED", status: 200 });
});

test("an answer may be as large as was said, and is cut where it is larger", async () => {
  const body = JSON.stringify("x".repeat(998));
  const { url } = await answering(() => ({ body }));
  expect(await get(peerAt(url, { maxResponseBytes: 1_000 }))).toMatchObject({ body: "x".repeat(998) });
  await expect(get(peerAt(url, { maxResponseBytes: 999 }))).rejects.toMatchObject({
    fault: "TOO_LARGE",
    message: "GET /x answers with more than 999 bytes",
  });
});

test("an answer without an end is not read to its end", async () => {
  const chunk = `${(4_096).toString(16)}\r\n${" ".repeat(4_096)}\r\n`;
  let sent = 0;
  const more = (socket: Socket): void => {
    if (!socket.writable) return;
    sent += 4_096;
    socket.write(chunk, () => more(socket));
  };
  const head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n";
  const { url, isCut } = await sending(head, more);
  await expect(get(peerAt(url, { maxResponseBytes: 65_536 }))).rejects.toMatchObject({ fault: "TOO_LARGE" });
  await expect.poll(isCut).toBe(true);
  expect(sent).toBeLessThan(64 * 1024 * 1024);
});

test.each([301, 302, 307, 308])("a redirect (%i) is not followed", async (status) => {
  const { url, asked } = await answering(() => ({ status, headers: { location: "/elsewhere" } }));
  await expect(get(peerAt(url, { token: "t" }))).rejects.toMatchObject({
    fault: "STATUS",
    status,
    message: `GET /x answers ${status}, and redirects are not followed`,
  });
  expect(asked).toHaveLength(1);
});

test.each([
  ["nothing", ""],
  ["half a head", "HTTP/1.1 200 OK\r\ncontent-"],
  ["half a body", 'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{"a"'],
])("a call that gets %s and no more ends in time", async (_, bytes) => {
  const { url, isCut } = await sending(bytes);
  const start = performance.now();
  await expect(get(peerAt(url, { callTimeoutMs: 150 }))).rejects.toMatchObject({
    fault: "TIMEOUT",
    message: "GET /x was not answered within 150 ms",
  });
  expect(performance.now() - start).toBeLessThan(1_500);
  await expect.poll(isCut).toBe(true);
});

test.each([
  ["half a body", 'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{"a"'],
  ["half a head", "HTTP/1.1 200 OK\r\ncontent-"],
])("a connection that is reset after %s is no answer", async (_, bytes) => {
  const { url } = await sending(bytes, (socket) => void setImmediate(() => socket.resetAndDestroy()));
  await expect(get(peerAt(url))).rejects.toMatchObject({
    fault: "UNREACHABLE",
    message: expect.stringMatching(/^GET \/x: (ECONNRESET|UND_ERR_SOCKET)$/),
  });
});

test("where nobody listens, and where there is nobody, the code says so", async () => {
  const { url } = await answering(() => ({}));
  const port = Number(new URL(url).port);
  const engram = await startTestEngram();
  await engram.kill();
  await expect(get(peerAt(engram.url))).rejects.toMatchObject({ message: "GET /x: ECONNREFUSED", status: undefined });
  await expect(get(peerAt(`http://nobody.invalid:${port}`))).rejects.toMatchObject({
    fault: "UNREACHABLE",
    message: expect.stringMatching(/^GET \/x: (ENOTFOUND|EAI_AGAIN)$/),
  });
});

test("the caller's signal ends a call with its reason, before and meanwhile, and nothing is left on it", async () => {
  const { url, isCut } = await sending("");
  const peer = peerAt(url);
  const controller = new AbortController();
  const reason = new Error("enough");
  const asked = expect(get(peer, "/x", controller.signal)).rejects.toBe(reason);
  setImmediate(() => controller.abort(reason));
  await asked;
  await expect.poll(isCut).toBe(true);
  await expect(get(peer, "/x", controller.signal)).rejects.toBe(reason);

  const { signal } = new AbortController();
  let listening = 0;
  const { addEventListener, removeEventListener } = signal;
  signal.addEventListener = (...args: Parameters<typeof addEventListener>) => {
    listening++;
    addEventListener.apply(signal, args);
  };
  signal.removeEventListener = (...args: Parameters<typeof removeEventListener>) => {
    listening--;
    removeEventListener.apply(signal, args);
  };
  const { url: working } = await answering(() => ({ body: {} }));
  for (let count = 0; count < 5; count++) await get(peerAt(working), "/x", signal);
  expect(listening).toBe(0);
});

test("a peer that is closed ends its calls, and takes no more", async () => {
  const { url } = await sending("");
  const peer = peerAt(url);
  const asked = expect(get(peer)).rejects.toMatchObject({
    fault: "UNREACHABLE",
    message: expect.stringContaining("closed"),
  });
  setImmediate(() => peer.close());
  await asked;
  await expect(get(peer)).rejects.toMatchObject({ fault: "UNREACHABLE" });
});

test("the token is sent with every call, and stands in no message", async () => {
  const token = "s3cret-token";
  const { url, asked } = await answering(({ headers }) => ({
    status: 500,
    body: { error: `${headers.authorization} is wrong` },
  }));
  const peer = peerAt(url, { token });
  expect(await peer.request("POST", "/x", { body: {}, headers: { "x-client-id": "c" }, signal: never })).toMatchObject({
    said: "Bearer *** is wrong",
  });
  expect(asked[0]?.headers).toMatchObject({
    authorization: `Bearer ${token}`,
    "content-type": "application/json",
    accept: "application/json",
    "x-client-id": "c",
  });
  await expect(peer.health(never)).rejects.toThrow("GET /health answers 500: Bearer *** is wrong");
  await get(peerAt(url));
  expect(asked.at(-1)?.headers.authorization).toBeUndefined();
});

test("an address or a token that cannot be used is refused, and not repeated", () => {
  const make =
    (url: string, token = "") =>
    () =>
      new Peer({ url, token, callTimeoutMs: 1_000, maxResponseBytes: 1_000 });
  const start = "the address of Engram";
  expect(make("http://user:hidden@h:1")).toThrow(`${start} may hold no user and no password`);
  expect(make("ftp://h/")).toThrow(`${start} must begin with http(s)://`);
  expect(make("http://h/?key=hidden")).toThrow(`${start} may have no query and no fragment`);
  expect(make("http://h", "hid\nden")).toThrow(/^the token for Engram has characters that no header may have$/);
  expect(make("https://h/base/")).not.toThrow();
});

test("the uptime is what the peer says, and undefined when it says none", async () => {
  const engram = await startTestEngram({ personality: "head" });
  const peer = peerAt(engram.url);
  const before = await peer.uptimeSeconds(never);
  expect(before).toBeGreaterThan(0);
  await engram.restart();
  expect(await peer.uptimeSeconds(never)).toBeGreaterThan(0);
  for (const body of [{}, { initializationTime: "1" }, { initializationTime: -1 }, [], "null"]) {
    const { url } = await answering(() => ({ body }));
    expect(await peerAt(url).uptimeSeconds(never)).toBeUndefined();
  }
  const { url } = await answering(() => ({ status: 404, body: { initializationTime: 5 } }));
  expect(await peerAt(url).uptimeSeconds(never)).toBeUndefined();
  await engram.kill();
  await expect(peer.uptimeSeconds(never)).rejects.toBeInstanceOf(PeerError);
});

test("the health is what the peer says of itself", async () => {
  const engram = await startTestEngram();
  expect(await peerAt(engram.url).health(never)).toEqual({ component: "engram", version: "0.1.0" });
});
