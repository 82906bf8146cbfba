/** What tests of the dialects stand on: a peer, servers that answer what they are told, and the dialects by name. */
import { createServer, type IncomingMessage } from "node:http";
import { onTestFinished } from "vitest";
import type { Dialect, PeerRecord } from "../../src/replication/dialect.js";
import { kvDialect } from "../../src/replication/kv.js";
import { Peer, type PeerOptions } from "../../src/replication/peer.js";
import { v1LogDialect } from "../../src/replication/v1-log.js";
import { ask } from "./engram-http.js";

/** A signal that never aborts. */
export const never = new AbortController().signal;

export const dialects: Readonly<Record<Dialect["name"], (peer: Peer) => Dialect>> = {
  kv: kvDialect,
  "v1-log": v1LogDialect,
};

/** A peer that is closed when the test has ended. */
export function peerAt(url: string, options: Partial<PeerOptions> = {}): Peer {
  const peer = new Peer({ url, callTimeoutMs: 4_000, maxResponseBytes: 16 * 1024 * 1024, ...options });
  onTestFinished(() => peer.close());
  return peer;
}

/** A peer that can lose its patience while a dialect uses it. */
export class MoodyPeer extends Peer {
  readonly #impatient: Peer;
  #isPatient = true;

  constructor(url: string, impatientMs: number) {
    const options = { url, maxResponseBytes: 16 * 1024 * 1024 };
    super({ ...options, callTimeoutMs: 10_000 });
    this.#impatient = new Peer({ ...options, callTimeoutMs: impatientMs });
    onTestFinished(() => this.close());
  }

  setPatient(isPatient: boolean): void {
    this.#isPatient = isPatient;
  }

  override request(...call: Parameters<Peer["request"]>): ReturnType<Peer["request"]> {
    return this.#isPatient ? super.request(...call) : this.#impatient.request(...call);
  }

  override close(): void {
    super.close();
    this.#impatient.close();
  }
}

export function record(key: string, data: Record<string, unknown> = { of: key }): PeerRecord {
  return { key, data, metadata: { type: "test", of: key } };
}

export interface Told {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** A text is sent as it is, anything else as JSON. */
  readonly body?: unknown;
}

/** A server that answers what it is told, and keeps what it was asked. */
export async function answering(tell: (request: IncomingMessage, body: string) => Told) {
  const asked: { readonly call: string; readonly headers: IncomingMessage["headers"]; readonly body: string }[] = [];
  const server = createServer(async (request, response) => {
    let text = "";
    for await (const piece of request.setEncoding("utf8")) text += piece;
    asked.push({ call: `${request.method} ${request.url}`, headers: request.headers, body: text });
    const { status = 200, headers = {}, body } = tell(request, text);
    response.writeHead(status, { "content-type": "application/json", ...headers });
    response.end(typeof body === "string" || body === undefined ? body : JSON.stringify(body));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  if (typeof address !== "object" || address === null) throw new Error("the server has no address");
  return { url: `http://127.0.0.1:${address.port}`, asked };
}

/** The texts that lie under a client id at an Engram of summer 2025, newest first. */
export async function textsAt(url: string, client: string, query = "{"): Promise<string[]> {
  const body = { query, namespace: "projects", limit: 1_000_000 };
  const headers = { "content-type": "application/json", "x-client-id": client };
  const answer = await ask(url, { method: "POST", path: "/api/v1/search", headers, body });
  return (answer.json()["results"] as { content: string }[]).map(({ content }) => content);
}

/** Adds a text there, as somebody else would. */
export async function addAt(url: string, client: string, content: string, namespace = "projects"): Promise<void> {
  const headers = { "content-type": "application/json", "x-client-id": client };
  await ask(url, { method: "POST", path: "/api/v1/memory", headers, body: { content, namespace } });
}
