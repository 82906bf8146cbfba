/** Retries over kill -9: whatever a caller learned or did not learn before the crash, its retry makes it once. */
import { expect, test } from "vitest";
import type { WriteResponse } from "../gen/ts/socketregistry/v1/socket_registry.js";
import { connect, contentsOf, type Service } from "./support/client.js";
import { compileServer, Program } from "./support/process.js";
import { tempDir } from "./support/temp-dir.js";

const main = `${compileServer()}/src/main.js`;

async function start(dataDir: string): Promise<{ program: Program; service: Service }> {
  const program = new Program(process.execPath, [main, "--listen=127.0.0.1:0", `--data-dir=${dataDir}`]);
  const { address } = await program.line("listening");
  return { program, service: connect(String(address)) };
}

async function kill(program: Program): Promise<void> {
  program.kill("SIGKILL");
  expect(await program.exit).toBe("SIGKILL");
}

test("a Write and a Create that were answered are duplicates after kill -9", async () => {
  const dataDir = tempDir();
  const first = await start(dataDir);
  const create = { model: "m", prompt: "p", requestId: "c" };
  const { socket } = await first.service.create(create);
  const socketId = socket?.socketId ?? "";
  const write = { socketId, message: "once", requestId: "w" };
  const written = await first.service.write(write);
  await kill(first.program);
  const { service } = await start(dataDir);
  expect(await service.write(write)).toEqual({ ...written, duplicate: true });
  expect(await service.create(create)).toMatchObject({ duplicate: true, socket: { socketId, prompt: "p" } });
  expect(await service.contents(socketId)).toEqual(["once"]);
  expect((await service.info()).socketCount).toBe(1);
});

test("of writes that kill -9 cut off each is there once when all are repeated", async () => {
  const dataDir = tempDir();
  const messages = Array.from({ length: 300 }, (_, index) => `m${index}`);
  const answers = new Map<string, WriteResponse>();
  const writeAll = async (service: Service, whenAnswered: () => void): Promise<void> => {
    const writes = messages.map(async (message) => {
      const answer = await service.write({ socketId: "x", message, requestId: message }).catch(() => undefined);
      if (answer === undefined) return;
      const earlier = answers.get(message);
      if (earlier !== undefined) expect(answer).toEqual({ ...earlier, duplicate: true });
      answers.set(message, earlier ?? answer);
      whenAnswered();
    });
    await Promise.all(writes);
  };
  let server = await start(dataDir);
  await server.service.create({ socketId: "x" });
  for (const killAt of [1, 40, 120]) {
    let answered = 0;
    const { program, service } = server;
    await writeAll(service, () => {
      if (++answered === killAt) program.kill("SIGKILL");
    });
    expect(await program.exit).toBe("SIGKILL");
    server = await start(dataDir);
  }
  await writeAll(server.service, () => {});
  expect(answers.size).toBe(messages.length);
  const queue = await server.service.drain("x");
  expect(contentsOf(queue).sort()).toEqual([...messages].sort());
  for (const { content, messageId } of queue) expect(answers.get(content)?.messageId).toBe(messageId);
}, 60_000);

test("a question is asked once over kill -9, and its replies of before and after come", async () => {
  const dataDir = tempDir();
  const first = await start(dataDir);
  await first.service.createAll("asker", "a", "b");
  const question = { sender: "asker", message: "who?", requestId: "r", timeout: { seconds: 600 } };
  const asking = first.service.ask(question);
  const { messageId: replyTo } = await asking.asked();
  await first.service.write({ socketId: "a", sender: "a", message: "before", replyTo });
  expect((await asking.reply()).content).toBe("before");
  await kill(first.program);
  const { service } = await start(dataDir);
  const again = service.ask(question);
  expect(await again.asked()).toMatchObject({ messageId: replyTo, duplicate: true });
  expect((await again.reply()).content).toBe("before");
  await service.write({ socketId: "b", message: "after", replyTo });
  const { replies, summary } = await again.rest();
  expect(contentsOf(replies)).toEqual(["after"]);
  expect(summary.answered).toEqual(["a", "b"]);
  expect(await service.contents("b")).toEqual(["who?", "after"]);
});

test("what is remembered survives kill -9 with the message that retention let go of", async () => {
  const dataDir = tempDir();
  const settings = [
    "--retained-messages=0",
    "--upkeep-interval-ms=10",
    "--listen=127.0.0.1:0",
    `--data-dir=${dataDir}`,
  ];
  const program = new Program(process.execPath, [main, ...settings]);
  const service = connect(String((await program.line("listening"))["address"]));
  await service.createAll("x");
  const write = { socketId: "x", sender: "s", message: "once", requestId: "r" };
  const written = await service.write(write);
  await service.drain("x");
  const isGone = async () => (await service.getMessage(written).catch(({ details }) => details)) as unknown;
  await expect.poll(isGone, { timeout: 20_000 }).toBe(`there is no message ${written.messageId}, or no longer`);
  await kill(program);
  const second = await start(dataDir);
  expect(await second.service.write(write)).toEqual({ ...written, duplicate: true });
  expect(await second.service.contents("x")).toEqual([]);
});
