/** The real server, socketctl against it, and what a test of both needs: gates for commands, restarts, a client. */
import { execFileSync } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, onTestFinished, vi } from "vitest";
import {
  AckMode,
  CreateRequest,
  type DeepPartial,
  type Message,
  ReadRequest,
  type Socket,
  WriteRequest,
} from "../../gen/ts/socketregistry/v1/socket_registry.js";
import { createClient } from "../../src/cli/client.js";
import { startTestServer } from "./server.js";
import { type Result, type Running, socketctl, startSocketctl } from "./socketctl.js";
import { tempDir } from "./temp-dir.js";

export type Bench = Awaited<ReturnType<typeof startBench>>;

/** A server of the test's own, stopped at its end. */
export async function startBench() {
  const dataDir = tempDir();
  let server = await startTestServer({ dataDir });
  const { address } = server;
  const { signal } = new AbortController();
  const client = createClient({ address, timeoutMs: 10_000, signal });
  onTestFinished(async () => {
    client.close();
    await server.stop();
  });

  async function socket(socketId: string): Promise<Socket> {
    const response = await client.getSocketInfo({ socketId });
    return response.socket ?? expect.unreachable("an answer without a socket");
  }

  return {
    address,
    client,
    socket,
    run: (...args: string[]): Promise<Result> => socketctl(address, args),
    start: (...args: string[]): Running => startSocketctl(address, args),
    /** Runs socketctl, expects that all is well, and gives what it printed. */
    async ok(...args: string[]): Promise<string> {
      const { stdout, ...others } = await socketctl(address, args);
      expect(others).toEqual({ stderr: "", exitCode: 0 });
      return stdout;
    },
    create: (socketId: string, request: DeepPartial<CreateRequest> = {}) =>
      client.create(CreateRequest.fromPartial({ ...request, socketId })),
    /** Writes and gives the message's id. */
    async write(socketId: string, message: string, request: DeepPartial<WriteRequest> = {}): Promise<string> {
      const response = await client.write(WriteRequest.fromPartial({ ...request, socketId, message }));
      return response.messageId;
    },
    /** Takes messages without settling them, as an EXPLICIT reader that ends well. */
    async takeUnsettled(socketId: string, maxOutstanding: number): Promise<Message[]> {
      const ackMode = AckMode.ACK_MODE_EXPLICIT;
      const request = ReadRequest.fromPartial({ socketId, ackMode, maxOutstanding, noWait: true });
      const messages: Message[] = [];
      for await (const frame of client.read(request, signal)) messages.push(...frame.messages);
      return messages;
    },
    /** Resolves when the socket is as it should be. */
    until: (socketId: string, expected: Partial<Socket>): Promise<void> =>
      vi.waitFor(async () => expect(await socket(socketId)).toMatchObject(expected), { timeout: 10_000 }),
    stop: () => server.stop(),
    /** Comes back on the same port, with everything it knew. */
    async restart(): Promise<void> {
      server = await startTestServer({ dataDir, listen: address });
    },
  };
}

/** Where commands of a shell wait: `cat PATH` ends when the gate is opened. */
export function createGate(): { path: string; open(): Promise<void> } {
  const path = join(tempDir(), "gate");
  execFileSync("mkfifo", [path]);
  return { path, open: () => writeFile(path, "") };
}
