import { expect } from "vitest";
import {
  type AskResponse,
  type AskSummary,
  type Message,
  MissingReason,
  type WriteResponse,
} from "../../gen/ts/socketregistry/v1/socket_registry.js";
import { Following } from "./following.js";
import { nameOf } from "./names.js";

/** How an Ask ended: who answered in which order, and of those who did not, why. */
export interface Ending {
  readonly answered: readonly string[];
  readonly missing: Readonly<Record<string, string>>;
}

/** One open Ask. */
export class Asking extends Following<AskResponse> {
  /** The first frame. */
  async asked(): Promise<WriteResponse> {
    const { step } = await this.frame();
    return step?.$case === "asked" ? step.value : expect.unreachable(`not asked, but ${step?.$case}`);
  }

  async reply(): Promise<Message> {
    const { step } = await this.frame();
    return step?.$case === "reply" ? step.value : expect.unreachable(`no reply, but ${step?.$case}`);
  }

  /** The replies that are still to come, and the summary, behind which there is nothing but an end with OK. */
  async rest(): Promise<{ replies: Message[]; summary: AskSummary }> {
    const steps = (await this.frames()).map(({ step }) => step);
    const last = steps.pop();
    const summary = last?.$case === "summary" ? last.value : expect.unreachable(`no summary, but ${last?.$case}`);
    const replies = steps.map((step) => (step?.$case === "reply" ? step.value : expect.unreachable("no reply")));
    return { replies, summary };
  }

  /** The ending, replies passed over. */
  async ending(): Promise<Ending> {
    return endingOf((await this.rest()).summary);
  }
}

export function endingOf({ answered, missing, answeredCount, missingCount }: AskSummary): Ending {
  expect([answeredCount, missingCount]).toEqual([answered.length, missing.length]);
  const reasons = missing.map(({ socketId, reason }) => [socketId, nameOf(MissingReason, reason, "MISSING_REASON_")]);
  return { answered, missing: Object.fromEntries(reasons) };
}
