/** Fields that are not as they must be, each of them met by a real client of a real server. */
import { describe, expect, test } from "vitest";
import {
  AckMode,
  type ConflictPolicy,
  type OverflowPolicy,
  type ResetScope,
  type SocketState,
} from "../gen/ts/socketregistry/v1/socket_registry.js";
import { refusal, startService } from "./support/client.js";
import { acknowledge, requeue } from "./support/inbox.js";
import { type Case, create, invalid, read, team, testRefusals, write } from "./support/refusals.js";

const long = "s".repeat(257);
const tooLong = (field: string) => invalid(field, { limit: "256" });
const inexact = 9_007_199_254_740_992n;
const week = 7 * 86_400;
const weekAtMost = { limit: "604800s" };

const cases: readonly Case[] = [
  { ...create("a model too long", { model: "m".repeat(257) }), expected: invalid("model", { limit: "256" }) },
  {
    ...create("a prompt too long", { prompt: "pp" }),
    config: { maxPromptBytes: 1 },
    expected: invalid("prompt", { limit: "1" }),
  },
  {
    ...create("a context too large", { context: { a: "b" } }),
    config: { maxContextBytes: 9 },
    expected: invalid("context", { limit: "9", size: "10" }),
  },
  {
    ...create("too many labels", { labels: { a: "", b: "" } }),
    config: { maxLabels: 1 },
    expected: invalid("labels", { limit: "1" }),
  },
  { ...create("a label without a key", { labels: { "": "a" } }), expected: invalid("labels") },
  {
    ...create("a label too long", { labels: { a: "b".repeat(257) } }),
    expected: invalid("labels", { limit: "256" }),
  },
  { ...create("an unknown on_conflict", { onConflict: 9 as ConflictPolicy }), expected: invalid("on_conflict") },
  {
    ...create("an unknown overflow_policy", { config: { overflowPolicy: 9 as OverflowPolicy } }),
    expected: invalid("config.overflow_policy"),
  },
  {
    ...create("a negative duration", { config: { ackDeadline: { seconds: -1n } } }),
    expected: invalid("config.ack_deadline", weekAtMost),
  },
  {
    ...create("a number beyond what is exact", { config: { maxQueueBytes: 9_007_199_254_740_992n } }),
    expected: invalid("config.max_queue_bytes"),
  },
  { ...write("a sender that is everybody", { sender: team }), expected: invalid("sender") },
  { ...write("a thread too long", { threadId: "t".repeat(257) }), expected: invalid("thread_id", { limit: "256" }) },
  {
    ...write("an answer to too long an id", { replyTo: "t".repeat(257) }),
    expected: invalid("reply_to", { limit: "256" }),
  },
  { ...read("an unknown ack_mode", { ackMode: 9 as AckMode }), expected: invalid("ack_mode") },
  { ...read("too short a heartbeat", { heartbeatInterval: { nanos: 1 } }), expected: invalid("heartbeat_interval") },
  {
    ...read("too long a sender to leave out", { excludeSender: "s".repeat(257) }),
    expected: invalid("exclude_sender", { limit: "256" }),
  },
  {
    ...read("too long an epoch", { after: { epoch: "e".repeat(257) } }),
    expected: invalid("after.epoch", { limit: "256" }),
  },
  {
    how: "an unknown scope",
    call: (s) => s.reset({ socketId: "x", scope: 9 as ResetScope }),
    expected: invalid("scope"),
  },
  {
    how: "too long an etag for Reset",
    call: (s) => s.reset({ socketId: "x", etag: "e".repeat(257) }),
    expected: invalid("etag", { limit: "256" }),
  },
  {
    how: "too long an etag for Delete",
    call: (s) => s.delete({ socketId: "x", etag: "e".repeat(257) }),
    expected: invalid("etag", { limit: "256" }),
  },
  {
    how: "too long a reason",
    call: (s) => s.markInactive({ socketId: "x", reason: "r".repeat(257) }),
    expected: invalid("reason", { limit: "256" }),
  },
  {
    how: "too large a page",
    call: (s) => s.list({ pageSize: 1_001 }),
    expected: invalid("page_size", { limit: "1000" }),
  },
  { how: "a page token that is none", call: (s) => s.list({ pageToken: "?" }), expected: invalid("page_token") },
  { how: "an unknown state", call: (s) => s.list({ states: [9 as SocketState] }), expected: invalid("states") },
  {
    how: "too many states",
    call: (s) => s.list({ states: Array(17).fill(1) }),
    expected: invalid("states", { limit: "16" }),
  },
  {
    ...create("a lease of more than ten years", { config: { leaseDuration: { seconds: 315_360_001 } } }),
    expected: invalid("config.lease_duration", { limit: "315360000s" }),
  },
  {
    ...create("a negative lease", { config: { leaseDuration: { seconds: -1 } } }),
    expected: invalid("config.lease_duration", { limit: "315360000s" }),
  },
  {
    ...create("a negative time to live", { config: { messageTtl: { nanos: -1 } } }),
    expected: invalid("config.message_ttl", { limit: "315360000s" }),
  },
  {
    ...create("a deadline of more than a week", { config: { ackDeadline: { seconds: week, nanos: 1 } } }),
    expected: invalid("config.ack_deadline", weekAtMost),
  },
  { ...create("too long a request_id for Create", { requestId: long }), expected: tooLong("request_id") },
  { ...write("too long a request_id for Write", { requestId: long }), expected: tooLong("request_id") },
  {
    how: "too long a request_id for Ask",
    call: (s) => s.ask({ requestId: long }).frame(),
    expected: tooLong("request_id"),
  },
  { ...write("labels for one socket", { matchLabels: { a: "b" } }), expected: invalid("match_labels") },
  {
    how: "labels for a question to one socket",
    call: (s) => s.ask({ socketId: "x", matchLabels: { a: "b" } }).frame(),
    expected: invalid("match_labels"),
  },
  {
    ...write("too long a label to match", { socketId: team, matchLabels: { a: long } }),
    expected: tooLong("match_labels"),
  },
  {
    ...read("too many outstanding", { ackMode: AckMode.ACK_MODE_EXPLICIT, maxOutstanding: 10_001 }),
    expected: invalid("max_outstanding", { limit: "10000" }),
  },
  {
    ...read("more bytes outstanding than is exact", { maxOutstandingBytes: inexact }),
    expected: invalid("max_outstanding_bytes"),
  },
  {
    ...read("exclusive with NONE", { ackMode: AckMode.ACK_MODE_NONE, exclusive: true }),
    expected: invalid("exclusive"),
  },
  {
    how: "too long a name of a consumer",
    call: (s) => s.drain(team, { consumer: long }),
    expected: tooLong("consumer"),
  },
  {
    how: "a parked sequence that no number is",
    call: (s) => requeue(s, { socketId: "x", sequences: [inexact] }),
    expected: invalid("sequences"),
  },
  {
    how: "too many parked sequences",
    call: (s) => requeue(s, { socketId: "x", sequences: Array(10_001).fill(1) }),
    expected: invalid("sequences", { limit: "10000" }),
  },
  {
    how: "a delay of more than a week",
    call: (s) => acknowledge(s, { socketId: "x", retryDelay: { seconds: week, nanos: 1 } }),
    expected: invalid("retry_delay", weekAtMost),
  },
  {
    how: "too long an epoch for Heartbeat",
    call: (s) => s.heartbeat({ socketId: "x", epoch: long }),
    expected: tooLong("epoch"),
  },
  { how: "too long a message_id", call: (s) => s.getMessage({ messageId: long }), expected: tooLong("message_id") },
  {
    how: "too large a page of receipts",
    call: (s) => s.getMessage({ messageId: "m", pageSize: 1_001 }),
    expected: invalid("page_size", { limit: "1000" }),
  },
  {
    how: "a page token of receipts that is none",
    call: (s) => s.getMessage({ messageId: "m", pageToken: "?" }),
    expected: invalid("page_token"),
  },
  {
    how: "a negative time to wait for replies",
    call: (s) => s.ask({ timeout: { seconds: -1 } }).frame(),
    expected: invalid("timeout", { limit: "600s" }),
  },
  {
    how: "a time to wait for replies past 10 minutes",
    call: (s) => s.ask({ timeout: { seconds: 600, nanos: 1 } }).frame(),
    expected: invalid("timeout", { limit: "600s" }),
  },
  { how: "an asker that is everybody", call: (s) => s.ask({ sender: team }).frame(), expected: invalid("sender") },
  {
    how: "a revision that no number is",
    call: (s) => s.watch({ afterRevision: inexact }).frame(),
    expected: invalid("after_revision"),
  },
  {
    how: "too short a heartbeat of Watch",
    call: (s) => s.watch({ heartbeatInterval: { nanos: 99_000_000 } }).frame(),
    expected: invalid("heartbeat_interval"),
  },
  {
    how: "too long a heartbeat of Watch",
    call: (s) => s.watch({ heartbeatInterval: { seconds: 3_600, nanos: 1 } }).frame(),
    expected: invalid("heartbeat_interval"),
  },
  {
    how: "an update of a field that there is not",
    call: (s) => s.update({ socketId: "x" }, "model", "colour"),
    expected: invalid("update_mask", { path: "colour" }),
  },
  {
    how: "an update of what no client sets",
    call: (s) => s.update({ socketId: "x" }, "state"),
    expected: invalid("update_mask", { path: "state" }),
  },
  {
    how: "an update of too many fields",
    call: (s) => s.update({ socketId: "x" }, ...Array(65).fill("model")),
    expected: invalid("update_mask", { limit: "64" }),
  },
  {
    how: "an update to too long a model",
    call: (s) => s.update({ socketId: "x", model: long }),
    expected: tooLong("socket.model"),
  },
  {
    how: "an update to a negative lease",
    call: (s) => s.update({ socketId: "x", config: { leaseDuration: { seconds: -1 } } }),
    expected: invalid("socket.config.lease_duration", { limit: "315360000s" }),
  },
  {
    how: "an update of too long an etag",
    call: (s) => s.update({ socketId: "x", etag: long }),
    expected: tooLong("socket.etag"),
  },
];

describe("INVALID_FIELD", () => testRefusals("INVALID_FIELD", cases));

test("an update that names no socket at all is refused", async () => {
  const { client } = await startService();
  const update = new Promise((resolve, reject) => {
    client.update({ socket: undefined, updateMask: undefined }, (error, response) =>
      error === null ? resolve(response) : reject(error),
    );
  });
  expect(await refusal(update)).toMatchObject(invalid("socket"));
});
