/** Requests about messages as they come, checked for their shape and turned into the registry's words. */
import {
  AckMode,
  type AcknowledgeRequest as WireAcknowledge,
  type AskRequest as WireAsk,
  type GetMessageRequest as WireGetMessage,
  type PeekRequest as WirePeek,
  type ReadRequest as WireRead,
  type RequeueRequest as WireRequeue,
  WriteRequest as WireWrite,
} from "../../gen/ts/socketregistry/v1/socket_registry.js";
import type { AcknowledgeRequest, RequeueRequest } from "../registry/acknowledge.js";
import type { AskRequest } from "../registry/ask.js";
import { invalidField, RegistryError } from "../registry/errors.js";
import {
  ACK_DEADLINE_MAX_MS,
  ASK_TIMEOUT_MAX_MS,
  ASK_TIMEOUT_MS,
  type Limits,
  SEQUENCES_MAX,
  WRITES_MAX,
} from "../registry/limits.js";
import type { PeekRequest } from "../registry/peek.js";
import type { ReadRequest } from "../registry/read-request.js";
import type { ReceiptsRequest } from "../registry/receipts.js";
import { checkSocketId, TEAM_CHAT_ALL } from "../registry/socket.js";
import type { WriteRequest } from "../registry/write.js";
import type { WriteFrame } from "../registry/write-stream.js";
import { admitted, checkEnum, checkStruct, strict } from "./decode.js";
import { checkSender, Fields, toCount, toHeartbeat, toMs, toSequences, utf8Length } from "./fields.js";
import { toPlainRetry, toRetry } from "./retry.js";
import { encodeBody } from "./wire.js";
import { type PlainFields, readPlainWrite } from "./write-bytes.js";

export class MessageRequests {
  readonly #fields: Fields;

  constructor(limits: Limits) {
    this.#fields = new Fields(limits);
  }

  /** A Write, still encoded. @throws also what decoding it says */
  write(bytes: Buffer): WriteRequest {
    return readPlainWrite(bytes, this.#fields.limits, plainRetry) ?? this.#write(admitted(decodeWrite(bytes)));
  }

  /** The writes of each frame, to be checked one by one. @throws INVALID_FIELD when there are too many in one */
  async *writeFrames(frames: AsyncIterable<readonly Buffer[]>): AsyncGenerator<WriteFrame, void, undefined> {
    for await (const frame of frames) {
      if (frame.length > WRITES_MAX) {
        const limit = { limit: String(WRITES_MAX) };
        throw invalidField("writes", `has ${frame.length} entries and may have ${WRITES_MAX}`, limit);
      }
      let bytes = 0;
      for (const { length } of frame) bytes += length;
      yield { count: frame.length, bytes, read: (place) => this.write(frame[place] as Buffer) };
    }
  }

  ask(request: WireAsk): AskRequest {
    const { message, metadata, sender, threadId, matchLabels } = request;
    const socketId = request.socketId || TEAM_CHAT_ALL;
    const question = WireWrite.fromPartial({ socketId, message, metadata, sender, threadId, matchLabels });
    this.#fields.text("request_id", request.requestId);
    return {
      write: { ...this.#message(question), isQuestion: true, retry: toRetry("", "Ask", request) },
      timeoutMs: toMs("timeout", request.timeout, ASK_TIMEOUT_MAX_MS) || ASK_TIMEOUT_MS,
      maxReplies: request.maxReplies,
    };
  }

  read(request: WireRead): ReadRequest {
    const { socketId, exclusive } = request;
    const mode = checkEnum("ack_mode", request.ackMode, AckMode);
    const ackMode = ackModes[mode] ?? "AUTO";
    checkSocketId(socketId);
    const consumer = this.#fields.consumer(request.consumer, socketId);
    if (request.after !== undefined && ackMode === "EXPLICIT" && consumer === "") {
      const why = "after does not go with ACK_MODE_EXPLICIT: the server knows what is not settled, just Read again";
      throw new RegistryError("AFTER_NOT_ALLOWED", why, { field: "after" });
    }
    if (exclusive && ackMode === "NONE") throw invalidField("exclusive", "does not go with ACK_MODE_NONE");
    this.#fields.text("exclude_sender", request.excludeSender);
    this.#fields.text("after.epoch", request.after?.epoch ?? "");
    this.#fields.text("reader", request.reader);
    return {
      socketId,
      ackMode,
      consumer,
      exclusive,
      maxOutstanding: this.#maxOutstanding(request),
      maxOutstandingBytes: toCount("max_outstanding_bytes", request.maxOutstandingBytes) ?? 0,
      noWait: request.noWait,
      maxMessages: request.maxMessages,
      after: request.after && { epoch: request.after.epoch, sequence: Number(request.after.sequence) },
      heartbeatMs: toHeartbeat(request.heartbeatInterval),
      excludeSender: request.excludeSender,
      reader: request.reader,
    };
  }

  acknowledge(request: WireAcknowledge): AcknowledgeRequest {
    const { socketId, sequences, nackSequences, extendSequences } = request;
    checkSocketId(socketId);
    const ackDeadlineMs = toMs("ack_deadline", request.ackDeadline, ACK_DEADLINE_MAX_MS);
    if (ackDeadlineMs === 0) throw invalidField("ack_deadline", "must be more than nothing: use nack_sequences");
    const left = SEQUENCES_MAX - sequences.length;
    return {
      socketId,
      consumer: this.#fields.consumer(request.consumer, socketId),
      epoch: this.#fields.text("epoch", request.epoch),
      sequences: toSequences("sequences", sequences),
      throughSequence: Number(request.throughSequence),
      nackSequences: toSequences("nack_sequences", nackSequences, left),
      retryDelayMs: toMs("retry_delay", request.retryDelay, ACK_DEADLINE_MAX_MS) ?? 0,
      extendSequences: toSequences("extend_sequences", extendSequences, left - nackSequences.length),
      ackDeadlineMs,
      releaseReader: this.#fields.text("release_reader", request.releaseReader),
    };
  }

  requeue({ socketId, sequences, consumer }: WireRequeue): RequeueRequest {
    checkSocketId(socketId);
    return {
      socketId,
      consumer: this.#fields.consumer(consumer, socketId),
      sequences: toSequences("sequences", sequences),
    };
  }

  peek(request: WirePeek): PeekRequest {
    checkSocketId(request.socketId);
    this.#fields.pageToken(request.pageToken);
    this.#fields.consumer(request.consumer, request.socketId);
    return request;
  }

  receipts(request: WireGetMessage): ReceiptsRequest {
    this.#fields.text("message_id", request.messageId);
    this.#fields.pageToken(request.pageToken);
    return request;
  }

  #write(request: WireWrite): WriteRequest {
    return { ...this.#message(request), isQuestion: false, retry: toRetry("", "Write", request) };
  }

  #message(request: WireWrite): Omit<WriteRequest, "isQuestion" | "retry"> {
    const { maxMetadataBytes, maxStructDepth } = this.#fields.limits;
    const { socketId, sender, includeSender, matchLabels, replyTo } = request;
    checkSocketId(socketId);
    this.#content(request.message);
    checkStruct("metadata", request.metadata, {
      maxBytes: maxMetadataBytes,
      maxDepth: maxStructDepth,
      tooLarge: "MESSAGE_TOO_LARGE",
    });
    checkSender(sender);
    this.#fields.text("thread_id", request.threadId);
    this.#fields.text("reply_to", replyTo);
    this.#fields.text("request_id", request.requestId);
    this.#fields.labels("match_labels", matchLabels);
    if (Object.keys(matchLabels).length > 0 && socketId !== TEAM_CHAT_ALL) {
      throw invalidField("match_labels", `is for ${TEAM_CHAT_ALL} only`);
    }
    return { socketId, sender, includeSender, matchLabels, replyTo, body: encodeBody(request) };
  }

  #content(message: string): void {
    const { maxContentBytes } = this.#fields.limits;
    const bytes = utf8Length(message, maxContentBytes);
    if (bytes <= maxContentBytes) return;
    throw new RegistryError("MESSAGE_TOO_LARGE", `message has ${bytes} bytes and may have ${maxContentBytes}`, {
      field: "message",
      limit: String(maxContentBytes),
      size: String(bytes),
    });
  }

  #maxOutstanding({ maxOutstanding }: WireRead): number {
    const limit = this.#fields.limits.maxOutstanding;
    if (maxOutstanding <= limit) return maxOutstanding;
    throw invalidField("max_outstanding", `must be at most ${limit}`, { limit: String(limit) });
  }
}

const decodeWrite = strict("WriteRequest", (reader) => WireWrite.decode(reader));
const plainRetry = (fields: PlainFields) => toPlainRetry("", fields);

/** The registry's words by the wire's numbers. */
const ackModes: readonly ReadRequest["ackMode"][] = ["AUTO", "AUTO", "EXPLICIT", "NONE"];
