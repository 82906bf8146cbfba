/** Streams both ways between grpc-js and our handlers, over a real server and real clients. */
import { getEventListeners, once } from "node:events";
import { status } from "@grpc/grpc-js";
import { expect, test } from "vitest";
import { RegistryError } from "../src/registry/errors.js";
import { callCancelled } from "../src/rpc/status.js";
import { aborted, drain, errorInfo, malformed, shuttingDown, signal, start, talk } from "./support/byte-service.js";

test("requests and frames go both ways, and the stream ends with OK when its generator does", async () => {
  const { client, calls } = await start({
    talk: async function* (requests) {
      for await (const request of requests) {
        yield Buffer.from(`${request}?`);
        yield Buffer.from(`${request}!`);
      }
      yield Buffer.from("bye");
    },
  });
  const stream = talk(client);
  for (const word of ["one", "two"]) stream.write(Buffer.from(word));
  stream.end();
  expect(await drain(stream)).toEqual({ frames: ["one?", "one!", "two?", "two!", "bye"], error: undefined });
  await calls.idle();
  expect(calls.active).toBe(0);
});

test("a stream is open for its client before its first frame", async () => {
  const { client } = await start({});
  const stream = talk(client);
  await once(stream, "metadata");
  stream.end();
  expect(await drain(stream)).toEqual({ frames: [], error: undefined });
});

test("a request that could not be decoded ends the requests with its error, and what came before is answered", async () => {
  const { client, logged } = await start({});
  const stream = talk(client);
  for (const request of [Buffer.from("one"), Buffer.from("two"), malformed, Buffer.from("never")])
    stream.write(request);
  const { frames, error } = await drain(stream);
  expect(frames).toEqual(["one", "two"]);
  expect(error).toMatchObject({ code: status.INVALID_ARGUMENT });
  expect(errorInfo(error).reason).toBe("INVALID_FIELD");
  expect(logged).toEqual([]);
});

test("a generator that ends before its client has is an end with OK", async () => {
  const { client, calls } = await start({
    talk: async function* (requests) {
      for await (const request of requests) {
        yield request;
        return;
      }
    },
  });
  const stream = talk(client);
  stream.write(Buffer.from("one"));
  stream.write(Buffer.from("two"));
  expect(await drain(stream)).toEqual({ frames: ["one"], error: undefined });
  await calls.idle();
});

test("a generator that throws delivers what came before, then the status", async () => {
  const { client } = await start({
    talk: async function* (requests) {
      for await (const request of requests) {
        yield request;
        throw new RegistryError("SOCKET_DELETED", "the socket x was deleted");
      }
    },
  });
  const stream = talk(client);
  stream.write(Buffer.from("one"));
  const { frames, error } = await drain(stream);
  expect(frames).toEqual(["one"]);
  expect(errorInfo(error).reason).toBe("SOCKET_DELETED");
});

test("a client's cancellation ends the requests, and leaves no call and no listener behind", async () => {
  const signals: AbortSignal[] = [];
  let ended = 0;
  const { client, calls, logged } = await start({
    talk: async function* (requests, context) {
      signals.push(context.signal);
      try {
        yield* requests;
      } finally {
        ended++;
      }
    },
  });
  const streams = Array.from({ length: 50 }, () => talk(client));
  for (const stream of streams) stream.write(Buffer.from("one"));
  await Promise.all(streams.map((stream) => once(stream, "data")));
  for (const stream of streams) stream.cancel();
  await calls.idle();
  expect(ended).toBe(50);
  expect(signals.flatMap((one) => getEventListeners(one, "abort"))).toEqual([]);
  expect(logged).toEqual([]);
});

test("a client's cancellation aborts the signal of a generator that waits for something else", async () => {
  const reason = signal<unknown>();
  const { client, calls } = await start({
    // biome-ignore lint/correctness/useYield: what it waits for never comes
    talk: async function* (_, context) {
      await aborted(context).catch(reason.resolve);
    },
  });
  const stream = talk(client);
  await once(stream, "metadata");
  stream.cancel();
  expect(await reason.promise).toBe(callCancelled);
  await calls.idle();
});

test("endAll ends open streams as unavailable, with a reason, and refuses new ones", async () => {
  const { client, calls, logged } = await start({
    talk: async function* (requests, context) {
      for await (const request of requests) {
        yield request;
        await aborted(context);
      }
    },
  });
  const stream = talk(client);
  stream.write(Buffer.from("one"));
  await once(stream, "data");
  const end = drain(stream);
  calls.endAll(shuttingDown);
  const { error } = await end;
  expect(error).toMatchObject({ code: status.UNAVAILABLE });
  expect(errorInfo(error).reason).toBe("SHUTTING_DOWN");
  await calls.idle();
  expect(errorInfo((await drain(talk(client))).error).reason).toBe("SHUTTING_DOWN");
  expect(logged).toEqual([]);
});
