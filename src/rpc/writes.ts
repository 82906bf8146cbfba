/** Answers to Write and Ask between the registry's words and the wire's. */
import {
  type AskResponse,
  MissingReason,
  SkipReason,
  type WriteResponse,
} from "../../gen/ts/socketregistry/v1/socket_registry.js";
import type { AskFrame } from "../registry/ask.js";
import type { SkipReason as Skipped } from "../registry/storage.js";
import type { WriteAnswer } from "../registry/write.js";
import { decodeLetter } from "./wire.js";

const skipReasons = {
  SOCKET_INACTIVE: SkipReason.SKIP_REASON_SOCKET_INACTIVE,
  SOCKET_UNRESPONSIVE: SkipReason.SKIP_REASON_SOCKET_UNRESPONSIVE,
  QUEUE_FULL: SkipReason.SKIP_REASON_QUEUE_FULL,
  SENDER: SkipReason.SKIP_REASON_SENDER,
};

const missingReasons = {
  SKIPPED: MissingReason.MISSING_REASON_SKIPPED,
  NOT_DELIVERED: MissingReason.MISSING_REASON_NOT_DELIVERED,
  SILENT: MissingReason.MISSING_REASON_SILENT,
  DELETED: MissingReason.MISSING_REASON_DELETED,
};

export function toSkipReason(reason: Skipped | undefined): SkipReason {
  return reason === undefined ? SkipReason.SKIP_REASON_UNSPECIFIED : skipReasons[reason];
}

export function toWriteResponse(answer: WriteAnswer & { readonly duplicate: boolean }): WriteResponse {
  return {
    messageId: answer.messageId,
    deliveredCount: answer.deliveredCount,
    skippedCount: answer.skippedCount,
    results: answer.results.map(({ socketId, sequence, skipReason }) => ({
      socketId,
      sequence: BigInt(sequence),
      skipReason: toSkipReason(skipReason),
    })),
    duplicate: answer.duplicate,
  };
}

/** One frame of an Ask. */
export function toAskResponse(instance: string, frame: AskFrame): AskResponse {
  switch (frame.kind) {
    case "asked":
      return { step: { $case: "asked", value: toWriteResponse(frame.answer) } };
    case "reply":
      return { step: { $case: "reply", value: decodeLetter(instance, frame.letter) } };
    case "summary": {
      const { answeredCount, missingCount } = frame;
      const missing = frame.missing.map(({ socketId, reason }) => ({ socketId, reason: missingReasons[reason] }));
      return {
        step: { $case: "summary", value: { answered: [...frame.answered], missing, answeredCount, missingCount } },
      };
    }
  }
}
