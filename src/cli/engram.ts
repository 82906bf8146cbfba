/** An Engram as socketctl asks it, without a registry in between. What goes wrong with it leaves here as CallError. */
import { readFile } from "node:fs/promises";
import { status } from "@grpc/grpc-js";
import { detect } from "../replication/detect.js";
import { checkNamespace, type Dialect } from "../replication/dialect.js";
import { type Offer, survey } from "../replication/offer.js";
import { Peer, RESPONSE_BYTES_MAX } from "../replication/peer.js";
import { PeerError, type PeerFault } from "../replication/peer-error.js";
import type { Options, Values } from "./command.js";
import { CallError, UsageError } from "./failure.js";

/** Named as the settings of the server. */
export const engramOptions = {
  "engram-url": { type: "string", value: "URL", help: "the Engram, http://host:port" },
  "engram-namespace": { type: "string", value: "NS", help: "the namespace of the replica, default rhetor_sockets" },
  "engram-token-file": {
    type: "string",
    value: "FILE",
    help: "the bearer token that the Engram asks for is in this file",
  },
} as const satisfies Options;

const namespaceDefault = "rhetor_sockets";

/** What an Engram has for a restore, and where it was found. */
export interface Found {
  url: string;
  dialect: Dialect["name"];
  namespace: string;
  offer: Offer;
}

export interface Limits {
  /** How long each of the calls may take. */
  timeoutMs: number;
  signal: AbortSignal;
}

/**
 * Finds out how the Engram is spoken with, and looks at what it has. The former is tried in a namespace of its own: a
 * registry that writes to that of the replica meanwhile must not be disturbed.
 */
export async function lookAtEngram(
  values: Values<typeof engramOptions>,
  { timeoutMs, signal }: Limits,
): Promise<Found> {
  const { "engram-url": url = "", "engram-namespace": namespace = namespaceDefault } = values;
  if (url === "") throw new UsageError("--engram-url is needed: the Engram to look at");
  checked("--engram-namespace", () => checkNamespace(namespace));
  const token = await readToken(values["engram-token-file"]);
  const options = { url, token, callTimeoutMs: timeoutMs, maxResponseBytes: RESPONSE_BYTES_MAX };
  const peer = checked("--engram-url", () => new Peer(options));
  try {
    const dialect = await detect(peer, `${namespace}.dry-run`, signal);
    return { url, dialect: dialect.name, namespace, offer: await survey(dialect, namespace, signal) };
  } catch (error) {
    throw error instanceof PeerError
      ? new CallError(codeOf(error.fault), `${url}: ${error.message}`, error.fault)
      : error;
  } finally {
    peer.close();
  }
}

/** Its value is not part of the message: there may be a password in it. */
function checked<T>(option: string, use: () => T): T {
  try {
    return use();
  } catch (error) {
    throw new UsageError(`${option}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

async function readToken(file: string | undefined): Promise<string> {
  if (file === undefined) return "";
  try {
    return (await readFile(file, "utf8")).trim();
  } catch (error) {
    throw new UsageError(`--engram-token-file ${file}: ${String(error)}`);
  }
}

/** Whether somebody answered. */
function codeOf(fault: PeerFault): status {
  if (fault === "UNREACHABLE") return status.UNAVAILABLE;
  return fault === "TIMEOUT" ? status.DEADLINE_EXCEEDED : status.FAILED_PRECONDITION;
}
