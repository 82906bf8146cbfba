/** What a restore from an Engram would bring, counted, as people and programs read it. */
import { countIn, instanceOf, newestRevision, type Offer } from "../replication/offer.js";
import { team } from "./commands/write.js";
import type { Found } from "./engram.js";
import type { Json } from "./json.js";
import { pairs } from "./output.js";

type Listed = Offer["pieces"][number];

/** Where nothing says whose state it is. */
const UNKNOWN = "unknown";

/** Whether there is anything to restore. */
export function isEmpty(found: Found): boolean {
  return found.offer.pieces.length === 0 && recordsOf(found.offer).length === 0;
}

export function offerText({ url, dialect, namespace, offer }: Found): string {
  const entries: [string, string][] = [
    ["engram", `${url} (${dialect})`],
    ["namespace", namespace],
    ...(offer.pieces.length > 0 ? stateEntries(offer) : recordEntries(offer)),
  ];
  return pairs(entries.filter(([, text]) => text !== ""));
}

/** Fields that are not known are left out. Revisions are decimal strings, as everywhere. */
export function offerJson({ url, dialect, namespace, offer }: Found): Json {
  const { pieces, claim } = offer;
  const where = { engram: url, dialect, namespace };
  if (pieces.length === 0) return { ...where, pieces: 0, records: recordsOf(offer).length };
  return {
    ...where,
    instance: instanceOf(offer) ?? UNKNOWN,
    revision: String(newestRevision(offer)),
    ...(claim && { complete_revision: String(claim.revision) }),
    ...(claim && { host: claim.host, pid: claim.pid, released: claim.released }),
    pieces: pieces.length,
    socket_count: socketCountOf(pieces),
    message_count: sumOf(pieces, "messageCount"),
  };
}

function stateEntries(offer: Offer): [string, string][] {
  const { pieces, claim } = offer;
  return [
    ["registry", instanceOf(offer) ?? UNKNOWN],
    ["revision", revisionText(offer)],
    ["written by", claim === undefined ? "" : writerText(claim)],
    ["pieces", String(pieces.length)],
    ["sockets", String(socketCountOf(pieces))],
    ["messages", String(sumOf(pieces, "messageCount"))],
  ];
}

function recordEntries(offer: Offer): [string, string][] {
  const { length } = recordsOf(offer);
  if (length === 0) return [["state", "none: there is nothing to restore"]];
  return [["records", `${length}, of an original Rhetor: each is a socket with its messages`]];
}

/** The newest piece may know of more than what is there as a whole. */
function revisionText(offer: Offer): string {
  const { claim } = offer;
  const newest = newestRevision(offer);
  if (claim === undefined || claim.revision >= newest) return String(newest);
  return `${newest}, known to be complete up to ${claim.revision}`;
}

function writerText({ pid, host, released }: NonNullable<Offer["claim"]>): string {
  const who = pid === 0 ? `a process on ${host}` : `process ${pid} on ${host}`;
  return released ? `${who}, which has stopped` : `${who}, which has not said that it stopped`;
}

/** The registry has a team feed of its own, and takes over nothing of that one. */
function recordsOf({ records }: Offer): readonly Listed[] {
  return records.filter(({ key }) => key !== team);
}

/** The team feed is in every state, and is not counted, as elsewhere. */
function socketCountOf(pieces: readonly Listed[]): number {
  return Math.max(0, sumOf(pieces, "socketCount") - 1);
}

function sumOf(pieces: readonly Listed[], field: "socketCount" | "messageCount"): number {
  return pieces.reduce((sum, piece) => sum + countIn(piece, field), 0);
}
