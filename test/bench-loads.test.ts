/** What the bench sends and counts: loads with a bound on what is in flight, frames, and the messages of etcd. */
import { BinaryWriter } from "@bufbuild/protobuf/wire";
import { expect, test } from "vitest";
import { PUT, putBody, valuesOf } from "../bench/etcd.js";
import { CONTENT, numbered, numberOf, pathOf, unlike, writesBody } from "../bench/messages.js";
import { entriesOf, Frames } from "../bench/programs/frames.js";
import { pump } from "../bench/programs/publish.js";
import { WriteStreamRequest } from "../gen/ts/socketregistry/v1/socket_registry.js";

test("a load never has more in flight than it may, and ends when all is answered", async () => {
  const load = pump({ count: 250 }, { perFrame: 100, inFlight: 200 });
  const sent: number[] = [];
  const send = (size: number) => void sent.push(size);
  load.fill(send);
  expect(sent).toEqual([100, 100]);
  load.answered(50);
  load.fill(send);
  expect(sent).toEqual([100, 100]);
  load.answered(50);
  load.fill(send);
  expect(sent).toEqual([100, 100, 50]);
  load.answered(150);
  expect((await load.result()).count).toBe(250);
});

test("frames are put together from whatever pieces they come in", () => {
  const body = writesBody("socket-0", [CONTENT, numbered(1), unlike()]);
  const frames = new Frames();
  const found = [...body].flatMap((_, index) => frames.take(body.subarray(index, index + 1)));
  expect(found).toHaveLength(1);
  expect(entriesOf(found[0] ?? Buffer.alloc(0)).entries).toHaveLength(3);
  expect(WriteStreamRequest.decode(body.subarray(5)).writes.map(({ message }) => message.length)).toEqual([
    200, 200, 200,
  ]);
});

test("a numbered content has the usual size and tells its number", () => {
  expect(numbered(1_234)).toHaveLength(200);
  expect(numberOf(numbered(1_234))).toBe(1_234);
});

test("a method of ours is known by its name, another by its path", () => {
  expect(pathOf("Write")).toBe("/socketregistry.v1.SocketRegistry/Write");
  expect(pathOf(PUT)).toBe("/etcdserverpb.KV/Put");
});

test("a put of etcd's is its key and its value", () => {
  const message = putBody("a", "b").subarray(5);
  expect([...message]).toEqual([0x0a, 1, 0x61, 0x12, 1, 0x62]);
});

test("the values of a watch are those of its events, in order", () => {
  const writer = new BinaryWriter();
  writer.uint32(0x0a).fork().uint32(8).uint32(7).join().uint32(0x10).int64(1n);
  for (const value of ["one", "two"]) {
    writer.uint32(0x5a).fork().uint32(0x12).fork().uint32(0x0a).string("key").uint32(0x2a).string(value).join().join();
  }
  expect(valuesOf(writer.finish())).toEqual(["one", "two"]);
});
