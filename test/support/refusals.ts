/** Refusals of a real server, as a real client meets them. */
import { status } from "@grpc/grpc-js";
import { expect, test } from "vitest";
import type { CreateRequest, ReadRequest, WriteRequest } from "../../gen/ts/socketregistry/v1/socket_registry.js";
import type { Config } from "../../src/config.js";
import type { Reason } from "../../src/registry/errors.js";
import { type Part, type Refusal, refusal, startService } from "./client.js";

export const team = "team-chat-all";

/** One way to meet a refusal. */
export interface Case {
  readonly how: string;
  /** Settings of the server; the socket `x` is there already. */
  readonly config?: Partial<Config>;
  /** The call that is refused. */
  call(service: Started): Promise<unknown>;
  readonly expected: Omit<Refusal, "reason" | "domain" | "text">;
}
export type Started = Awaited<ReturnType<typeof startService>>;

export const invalid = (field: string, metadata: Record<string, string> = {}): Case["expected"] => ({
  code: status.INVALID_ARGUMENT,
  metadata: { field, ...metadata },
  field,
});

export const create = (how: string, request: Part<CreateRequest>) => ({
  how,
  call: (s: Started) => s.create(request),
});
export const write = (how: string, request: Part<WriteRequest>) => ({
  how,
  call: (s: Started) => s.write({ socketId: "x", ...request }),
});
export const read = (how: string, request: Part<ReadRequest>) => ({
  how,
  call: (s: Started) => s.drain("x", request),
});
export const nested = (levels: number): Record<string, unknown> => (levels === 1 ? {} : { a: nested(levels - 1) });

/** Meets every refusal of a list, each with a server of its own. */
export function testRefusals(reason: Reason, ways: readonly Case[]): void {
  test.each(ways)("$how", async ({ call, config, expected }) => {
    const service = await startService(config);
    await service.createAll("x");
    const refused = await refusal(call(service));
    expect(refused).toEqual({ ...expected, reason, domain: "socketregistry.v1", text: refused.text });
    expect(refused.text).toMatch(/^\S.{10,}[^.]$/);
    expect(service.server.logged.filter(({ level }) => Number(level) >= 50)).toEqual([]);
  });
}
