/**
 * The adapter between grpc-js and our handlers, over a real server and real clients, with a service of plain bytes.
 */
import { getEventListeners, once } from "node:events";
import http2 from "node:http2";
import { Client, type ClientReadableStream, credentials, Metadata, status } from "@grpc/grpc-js";
import { expect, test } from "vitest";
import { RegistryError } from "../src/registry/errors.js";
import type { CallContext, UnaryHandler } from "../src/rpc/calls.js";
import { callCancelled } from "../src/rpc/status.js";
import {
  aborted,
  ask,
  bytes,
  drain,
  errorInfo,
  follow,
  openUnread,
  service,
  shuttingDown,
  signal,
  start,
} from "./support/byte-service.js";

/** Opens a stream, lets `end` end it, and answers with the reason that the generator's signal had in its `finally`. */
async function reasonAfter(end: (stream: ClientReadableStream<Buffer>) => void, deadlineMs?: number) {
  const opened = signal();
  const cleaned = signal<unknown>();
  const { client, calls } = await start({
    follow: async function* (_, context) {
      try {
        opened.resolve();
        yield Buffer.from("first");
        await aborted(context);
      } finally {
        cleaned.resolve(context.signal.reason);
      }
    },
  });
  const stream = follow(client, deadlineMs === undefined ? {} : { deadline: Date.now() + deadlineMs });
  const drained = drain(stream);
  await opened.promise;
  end(stream);
  const reason = await cleaned.promise;
  await calls.idle();
  return { reason, ...(await drained) };
}

test("a unary call is answered with what its handler resolves to", async () => {
  const { client, calls } = await start({ ask: async (request) => Buffer.from(`${request} yourself`) });
  expect(await ask(client)).toBe("hello yourself");
  await calls.idle();
  expect(calls.active).toBe(0);
});

test("a stream is open for its client before its first frame", async () => {
  const { client } = await start({
    // biome-ignore lint/correctness/useYield: what it waits for never comes
    follow: async function* (_, context) {
      await aborted(context);
    },
  });
  const stream = follow(client);
  const drained = drain(stream);
  await once(stream, "metadata");
  stream.cancel();
  expect((await drained).frames).toEqual([]);
});

test("a handler sees where its client is and what it sent along", async () => {
  const { client } = await start({
    ask: async (_, { peer, metadata }) => Buffer.from(`${peer} ${metadata.get("user-agent")}`),
  });
  expect(await ask(client)).toMatch(/^127\.0\.0\.1:\d+ grpc-node-js/);
});

test("a unary handler's rejection becomes its status with a reason", async () => {
  const refusal = new RegistryError("SOCKET_NOT_FOUND", "there is no socket x", { socket_id: "x" });
  const { client, logged } = await start({ ask: () => Promise.reject(refusal) });
  const error = await ask(client).catch((caught) => caught);
  expect(error).toMatchObject({ code: status.NOT_FOUND, details: "there is no socket x" });
  expect(errorInfo(error)).toEqual({
    domain: "socketregistry.v1",
    reason: "SOCKET_NOT_FOUND",
    metadata: { socket_id: "x" },
  });
  expect(logged).toEqual([]);
});

test("a defect in a handler is told to the log, not to the client, and the server lives on", async () => {
  const defect = new TypeError("secret");
  const failing: UnaryHandler<Buffer, Buffer> = () => {
    throw defect;
  };
  const { client, logged } = await start({
    ask: failing,
    follow: async function* () {
      yield await failing(Buffer.alloc(0), {} as CallContext);
    },
  });
  const error = await ask(client).catch((caught) => caught);
  expect(error).toMatchObject({ code: status.INTERNAL });
  expect(error.details).not.toContain("secret");
  expect(errorInfo(error)).toMatchObject({ reason: "INTERNAL", metadata: {} });
  expect((await drain(follow(client))).error).toMatchObject({ code: status.INTERNAL });
  expect(logged).toEqual([{ err: defect }, { err: defect }]);
});

test("a request that could not be decoded is refused without its handler", async () => {
  let handled = 0;
  const { client } = await start({
    ask: async (request) => {
      handled += 1;
      return request;
    },
  });
  const error = await ask(client, "malformed").catch((caught) => caught);
  expect(error).toMatchObject({ code: status.INVALID_ARGUMENT });
  expect(errorInfo(error).reason).toBe("INVALID_FIELD");
  expect(handled).toBe(0);
});

test("a unary call's cancellation aborts its signal", async () => {
  const reason = signal<unknown>();
  const { client, calls } = await start({
    ask: (_, context) => {
      const waiting = aborted(context);
      waiting.catch(reason.resolve);
      return waiting;
    },
  });
  const error = await ask(client, "hello", 100).catch((caught) => caught);
  expect(error).toMatchObject({ code: status.DEADLINE_EXCEEDED });
  expect(await reason.promise).toBe(callCancelled);
  await calls.idle();
});

test("a finished call's signal is never aborted", async () => {
  const signals: AbortSignal[] = [];
  const { client, port } = await start({
    ask: async (request, context) => {
      signals.push(context.signal);
      return request;
    },
    follow: async function* (_, context) {
      signals.push(context.signal);
      yield Buffer.from("only");
    },
  });
  await ask(client);
  await drain(follow(client));
  client.close();
  // Another connection's call comes after whatever the end of the first one caused.
  const other = new Client(`127.0.0.1:${port}`, credentials.createInsecure());
  await ask(other);
  other.close();
  expect(signals.map(({ aborted }) => aborted)).toEqual([false, false, false]);
});

test("a stream carries every frame and ends with OK when its generator does", async () => {
  const { client } = await start({
    follow: async function* () {
      yield Buffer.from("one");
      yield Buffer.from("two");
    },
  });
  expect(await drain(follow(client))).toEqual({ frames: ["one", "two"], error: undefined });
});

test("a stream that throws delivers what came before, then the status", async () => {
  const { client } = await start({
    follow: async function* () {
      yield Buffer.from("one");
      throw new RegistryError("SOCKET_DELETED", "the socket x was deleted");
    },
  });
  const { frames, error } = await drain(follow(client));
  expect(frames).toEqual(["one"]);
  expect(error).toMatchObject({ code: status.NOT_FOUND });
  expect(errorInfo(error).reason).toBe("SOCKET_DELETED");
});

test("an error in a generator's clean-up is not lost", async () => {
  const defect = new Error("clean-up");
  const opened = signal();
  const { client, calls, logged } = await start({
    follow: async function* (_, context) {
      try {
        opened.resolve();
        yield await aborted(context);
      } finally {
        // biome-ignore lint/correctness/noUnsafeFinally: it stands for a settling that fails
        throw defect;
      }
    },
  });
  const stream = follow(client);
  await opened.promise;
  stream.cancel();
  await calls.idle();
  expect(logged).toEqual([{ err: defect }]);
});

test("a client's cancellation runs the generator's finally", async () => {
  const { reason, error } = await reasonAfter((stream) => stream.cancel());
  expect(reason).toBe(callCancelled);
  expect(error).toMatchObject({ code: status.CANCELLED });
});

test("a deadline runs the generator's finally", async () => {
  const { reason, error } = await reasonAfter(() => {}, 150);
  expect(reason).toBe(callCancelled);
  expect(error).toMatchObject({ code: status.DEADLINE_EXCEEDED });
});

test("a generator that ends because it saw the abort does not end its stream with OK", async () => {
  const opened = signal();
  const { client, calls } = await start({
    follow: async function* (_, context) {
      opened.resolve();
      await aborted(context).catch(() => {});
    },
  });
  const drained = drain(follow(client));
  await opened.promise;
  calls.endAll(shuttingDown);
  expect((await drained).error).toMatchObject({ code: status.UNAVAILABLE });
});

test("a reader that does not read stops the generator within its HTTP/2 window of 64 KiB", async () => {
  const frame = Buffer.alloc(1_000);
  let yielded = 0;
  let handedOver = 0;
  const blocked = signal();
  const cleaned = signal();
  const { calls, port } = await start({
    follow: async function* () {
      try {
        for (;;) {
          yielded += 1;
          if (yielded === Math.ceil(65_535 / 1_005)) {
            blocked.resolve();
          }
          yield frame;
          handedOver += 1;
        }
      } finally {
        cleaned.resolve();
      }
    },
  });
  const stream = openUnread(port);
  await blocked.promise;
  // The window is full with the frame that is now on its way. A ping's round trip gives it time to go wrong.
  await new Promise((resolve) => stream.session?.ping(resolve));
  expect(yielded).toBe(66);
  expect(handedOver).toBe(65);
  stream.close(http2.constants.NGHTTP2_CANCEL);
  await cleaned.promise;
  await calls.idle();
  expect(handedOver).toBe(65);
});

test("a frame larger than what its reader takes is never taken for handed over", async () => {
  const opened = signal();
  const cleaned = signal();
  let handedOver = false;
  const { calls, port } = await start({
    follow: async function* () {
      try {
        opened.resolve();
        yield Buffer.alloc(1 << 20);
        handedOver = true;
      } finally {
        cleaned.resolve();
      }
    },
  });
  openUnread(port);
  await opened.promise;
  calls.endAll(shuttingDown);
  await cleaned.promise;
  await calls.idle();
  expect(handedOver).toBe(false);
});

test("a slow reader gets every frame, and the generator stays close to it", async () => {
  const count = 100;
  let yielded = 0;
  const { client } = await start({
    follow: async function* () {
      for (; yielded < count; yielded += 1) {
        yield Buffer.alloc(100_000);
      }
    },
  });
  let read = 0;
  let ahead = 0;
  for await (const _ of follow(client)) {
    read += 1;
    ahead = Math.max(ahead, yielded - read);
    await new Promise(setImmediate);
  }
  expect(read).toBe(count);
  // grpc-js's client holds 16 frames, and its HTTP/2 window less than one.
  expect(ahead).toBeLessThanOrEqual(20);
});

test("endAll ends idle and busy streams as unavailable, with a reason, and refuses new calls", async () => {
  const { client, calls } = await start({
    follow: async function* (request, context) {
      yield request;
      if (context.metadata.get("kind")[0] === "idle") {
        await aborted(context);
      }
      for (;;) {
        yield request;
      }
    },
  });
  const streams = ["idle", "idle", "busy"].map((kind) => {
    const metadata = new Metadata();
    metadata.set("kind", kind);
    const stream = client.makeServerStreamRequest(service.follow.path, bytes, bytes, Buffer.from("x"), metadata);
    return stream.on("error", () => {});
  });
  const ends = streams.map((stream) => new Promise((resolve) => void stream.once("status", resolve)));
  await Promise.all(streams.map((stream) => once(stream, "data")));
  expect(calls.active).toBe(3);
  calls.endAll(shuttingDown);
  await calls.idle();
  for (const end of ends) {
    const received = await end;
    expect(received).toMatchObject({ code: status.UNAVAILABLE });
    expect(errorInfo(received)).toMatchObject({ domain: "socketregistry.v1", reason: "SHUTTING_DOWN" });
  }
  const late = await ask(client).catch((caught) => caught);
  expect(late).toMatchObject({ code: status.UNAVAILABLE });
  expect(errorInfo(late).reason).toBe("SHUTTING_DOWN");
});

test("endAll lets unary calls under way finish, and idle waits for them", async () => {
  const opened = signal();
  const release = signal();
  const { client, calls } = await start({
    ask: async (request, context) => {
      opened.resolve();
      await release.promise;
      context.signal.throwIfAborted();
      return request;
    },
  });
  const answer = ask(client);
  await opened.promise;
  calls.endAll(shuttingDown);
  let isIdle = false;
  const idle = calls.idle().then(() => {
    isIdle = true;
  });
  await Promise.resolve();
  expect(isIdle).toBe(false);
  release.resolve();
  expect(await answer).toBe("hello");
  await idle;
});

test("a thousand idle streams that were cancelled leave no call and no listener behind", async () => {
  const count = 1_000;
  const contexts: CallContext[] = [];
  const { client, calls } = await start({
    follow: async function* (_, context) {
      contexts.push(context);
      yield Buffer.from("open");
      await aborted(context);
    },
  });
  const streams = Array.from({ length: count }, () => follow(client));
  await Promise.all(streams.map((stream) => once(stream, "data")));
  expect(calls.active).toBe(count);
  for (const stream of streams) {
    stream.cancel();
  }
  await calls.idle();
  expect(calls.active).toBe(0);
  expect(contexts.every(({ signal }) => signal.aborted)).toBe(true);
  expect(contexts.flatMap(({ signal }) => getEventListeners(signal, "abort"))).toEqual([]);
});
