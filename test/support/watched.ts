/** A server that is watched for what a malformed request does to it, which must be nothing. */
import { expect } from "vitest";
import { CreateRequest, WriteRequest } from "../../gen/ts/socketregistry/v1/socket_registry.js";
import type { Config } from "../../src/config.js";
import { type Part, type Refusal, refusalIn, startService } from "./client.js";
import { framed, type Outcome, RawConnection } from "./frames.js";

/** A server with the socket `x` and a message in it, a connection by hand, and a look at what has changed. */
export async function startWatched(overrides: Partial<Config> = {}) {
  const service = await startService(overrides);
  await service.createAll("x");
  await service.writeAll("x", "there before");
  const raw = new RawConnection(service.server.address);
  const state = async () => {
    const { revision, socketCount } = await service.info();
    const { sockets } = await service.list({ pageSize: 1_000 });
    return { revision, socketCount, sockets: sockets.map((socket) => ({ ...socket, lastSeenTime: undefined })) };
  };
  const before = await state();
  return {
    service,
    raw,
    /** Sends a request by hand. */
    send: (method: string, request: Uint8Array) => raw.call(method, framed(request)),
    /** Nothing is stored, and nothing failed inside the server. */
    async expectNothingHappened() {
      expect(await state()).toEqual(before);
      expect(service.server.logged.filter(({ level }) => Number(level) >= 40)).toEqual([]);
    },
  };
}

export function refused({ error }: Outcome): Refusal {
  return refusalIn(error);
}

export const create = (request: Part<CreateRequest>) =>
  CreateRequest.encode(CreateRequest.fromPartial(request)).finish();
export const write = (request: Part<WriteRequest>) => WriteRequest.encode(WriteRequest.fromPartial(request)).finish();
export const text = (content: string) => Buffer.from(content);
