/** WriteStreams over the end of the server's process: whatever was answered is there, and repeating makes the rest whole. */
import { randomInt } from "node:crypto";
import { status } from "@grpc/grpc-js";
import { expect, test } from "vitest";
import type { WriteStreamResult } from "../gen/ts/socketregistry/v1/socket_registry.js";
import { connect, refusalIn, type Service } from "./support/client.js";
import { compileServer, Program } from "./support/process.js";
import { tempDir } from "./support/temp-dir.js";
import { answerIn, everythingIn, WriteStream } from "./support/write-stream.js";

const writeCount = 6_000;
const frameWrites = 40;
const rounds = process.env["LONG"] === "1" ? 20 : 2;
const writes = Array.from({ length: writeCount }, (_, index) => ({
  ...{ socketId: "x", message: `message ${index}`, requestId: `request ${index}` },
}));

const main = `${compileServer()}/src/main.js`;

async function start(dataDir: string): Promise<{ program: Program; service: Service }> {
  const settings = ["--listen=127.0.0.1:0", `--data-dir=${dataDir}`, "--max-unanswered-writes=200"];
  const program = new Program(process.execPath, [main, ...settings]);
  const { address } = await program.line("listening");
  return { program, service: connect(String(address)) };
}

/** Sends all writes, and gives the results and the error of a stream that breaks, or ends when all is answered. */
async function writeAll(service: Service, answered: (count: number) => void = () => {}) {
  const stream = WriteStream.open(service);
  for (let place = 0; place < writeCount; place += frameWrites) {
    stream.send(...writes.slice(place, place + frameWrites));
  }
  const results: WriteStreamResult[] = [];
  try {
    while (results.length < writeCount) {
      results.push(...(await stream.frame()).results);
      answered(results.length);
    }
    return { results, error: undefined };
  } catch (error) {
    return { results, error };
  }
}

const ways = Array.from({ length: rounds }, (_, round) => [
  { signal: "SIGKILL" as const, killAt: randomInt(writeCount / 2), round },
  { signal: "SIGTERM" as const, killAt: randomInt(writeCount / 2), round },
]).flat();

test.each(ways)(
  "after $signal at $killAt answers all that was answered is there, in order, and after repeating everything once",
  async ({ signal, killAt }) => {
    const dataDir = tempDir();
    const first = await start(dataDir);
    await first.service.createAll("x");
    let isKilled = false;
    const { results, error } = await writeAll(first.service, (count) => {
      if (isKilled || count < killAt) return;
      isKilled = true;
      first.program.kill(signal);
    });
    expect(error).toMatchObject({ code: status.UNAVAILABLE });
    if (signal === "SIGTERM") expect(refusalIn(error).reason).toBe("SHUTTING_DOWN");
    expect(await first.program.exit).toBe(signal === "SIGTERM" ? 0 : "SIGKILL");

    const { service } = await start(dataDir);
    const answers = results.map(answerIn);
    const contents = await everythingIn(service, "x");
    expect(contents.length).toBeGreaterThanOrEqual(answers.length);
    expect(contents).toEqual(writes.slice(0, contents.length).map(({ message }) => message));
    const again = (await writeAll(service)).results.map(answerIn);
    expect(again.slice(0, answers.length)).toEqual(answers.map((answer) => ({ ...answer, duplicate: true })));
    expect(again.map(({ duplicate }) => duplicate)).toEqual(writes.map((_, place) => place < contents.length));
    expect(await everythingIn(service, "x")).toEqual(writes.map(({ message }) => message));
  },
  60_000,
);
