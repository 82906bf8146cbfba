/** How much memory readers take: idle ones by the thousand, and one that has stopped reading. */
import { type ClientReadableStream, credentials } from "@grpc/grpc-js";
import { expect, onTestFinished, test, vi } from "vitest";
import {
  AckMode,
  ReadRequest,
  type ReadResponse,
  SocketRegistryClient,
} from "../gen/ts/socketregistry/v1/socket_registry.js";
import { connect, refusal, type Service } from "./support/client.js";
import { framed, RawConnection } from "./support/frames.js";
import { MeasuredServer } from "./support/measured.js";

const KIB = 1024;
const MIB = 1024 * KIB;
const minute = 60_000;

/** An open Read whose client takes nothing from its connection. */
function openStuck(address: string, socketId: string): void {
  new RawConnection(address).open("Read", framed(ReadRequest.encode(ReadRequest.fromPartial({ socketId })).finish()));
}

/** Writes so many messages of 1 MiB, eight at a time. */
async function writeMebibytes(service: Service, socketId: string, count: number): Promise<void> {
  let left = count;
  const writer = async () => {
    while (left-- > 0) await service.write({ socketId, message: "m".repeat(MIB) });
  };
  await Promise.all(Array.from({ length: 8 }, writer));
}

/** Lets the young generation grow to its full size, which it keeps: that is what --max-semi-space-size grants. */
async function warmUp(service: Service): Promise<void> {
  for (let round = 0; round < 20; round++) await Promise.all(Array.from({ length: 1_000 }, () => service.info()));
}

test("writes to a reader that stops reading end in QUEUE_FULL", { timeout: minute }, async () => {
  const server = await MeasuredServer.start();
  const service = connect(server.address);
  await service.createAll("x");
  openStuck(server.address, "x");
  expect(await refusal(writeMebibytes(service, "x", 100))).toMatchObject({ reason: "QUEUE_FULL" });
});

test("with higher limits 1 GiB for such a reader stays out of memory", { timeout: 5 * minute }, async () => {
  const server = await MeasuredServer.start(`--max-queue-bytes=${4_096 * MIB}`, "--max-queue-messages=1000000");
  const service = connect(server.address);
  await service.createAll("x", "warm");
  openStuck(server.address, "x");
  await warmUp(service);
  await writeMebibytes(service, "warm", 64);
  await service.drain("warm");

  const before = await server.memory();
  await writeMebibytes(service, "x", 1_024);
  expect((await service.socket("x")).queueSize).toBeGreaterThan(1_000);
  // LevelDB may still be sorting what was written.
  await vi.waitFor(async () => {
    const after = await server.memory();
    const grown = (after.resident - before.resident) / MIB;
    console.log(`1 GiB for a reader that does not read: ${grown.toFixed(1)} MiB of memory`);
    expect(grown).toBeLessThan(64);
  }, minute);
});

test("an idle Read takes at most 14 KiB, and gives them back", { timeout: 5 * minute }, async () => {
  const server = await MeasuredServer.start("--max-readers-per-socket=1000");
  const service = connect(server.address);
  await createMany(service, 1_000);
  await warmUp(service);

  const before = await server.memory();
  const readCount = 10_000;
  const streams = openMany(server.address, 1_000, readCount);
  await vi.waitFor(async () => expect(await readersOf(service)).toBe(readCount), minute);
  const open = await server.memory();
  const each = (open.resident - before.resident) / readCount / KIB;
  console.log(`an idle Read: ${each.toFixed(1)} KiB of memory`);
  expect(each).toBeLessThan(14);

  for (const stream of streams) stream.cancel();
  await vi.waitFor(async () => expect(await readersOf(service)).toBe(0), minute);
  // Whatever of a Read stayed behind would be more: a call, a stream or a signal takes some kilobytes. The connections are
  // still open, and what they remember of their streams goes a little later.
  await vi.waitFor(async () => {
    const after = await server.memory();
    expect((after.held - before.held) / readCount).toBeLessThan(200);
    expect((after.resident - before.resident) / MIB).toBeLessThan(32);
  }, minute);
});

test("what went through a Read is not held by it", { timeout: minute }, async () => {
  const server = await MeasuredServer.start("--recent-bytes=0");
  const service = connect(server.address);
  await createMany(service, 100);
  let received = 0;
  for (const stream of openMany(server.address, 100, 1_000)) {
    stream.on("data", ({ messages }: ReadResponse) => {
      received += messages.length;
    });
  }
  await vi.waitFor(async () => expect(await readersOf(service)).toBe(1_000), minute);

  const before = await server.memory();
  const writes = Array.from({ length: 100 }, (_, index) => ({ socketId: `s${index}`, message: "m".repeat(64 * KIB) }));
  await Promise.all(writes.map((write) => service.write(write)));
  // Of the ten Reads of a socket five look, and one of those that take gets it.
  await vi.waitFor(() => expect(received).toBe(600), minute);
  const after = await server.memory();
  expect((after.held - before.held) / 600 / KIB).toBeLessThan(4);
});

/** Creates `s0` and so on. */
async function createMany(service: Service, count: number): Promise<void> {
  await Promise.all(Array.from({ length: count }, (_, index) => service.create({ socketId: `s${index}` })));
}

/**
 * Opens so many Reads on so many sockets, the first half of them AUTO and the others NONE. They are on some connections,
 * because one that cancels a thousand calls at once is closed by HTTP/2 as an attack.
 */
function openMany(address: string, socketCount: number, readCount: number): ClientReadableStream<ReadResponse>[] {
  const options = { "grpc.use_local_subchannel_pool": 1 };
  const clients = Array.from(
    { length: 20 },
    () => new SocketRegistryClient(address, credentials.createInsecure(), options),
  );
  onTestFinished(() => {
    for (const client of clients) client.close();
  });
  return Array.from({ length: readCount }, (_, index) => {
    const ackMode = index < readCount / 2 ? AckMode.ACK_MODE_AUTO : AckMode.ACK_MODE_NONE;
    const request = ReadRequest.fromPartial({ socketId: `s${index % socketCount}`, ackMode });
    const client = clients[index % clients.length] ?? expect.unreachable();
    return client
      .read(request)
      .on("error", () => {})
      .on("data", () => {});
  });
}

/** How many Reads are open. */
async function readersOf(service: Service): Promise<number> {
  let [readers, pageToken] = [0, ""];
  do {
    const { sockets, nextPageToken } = await service.list({ pageSize: 1_000, pageToken });
    for (const { readerCount } of sockets) readers += readerCount;
    pageToken = nextPageToken;
  } while (pageToken !== "");
  return readers;
}
