import { messageIdOf } from "../../src/registry/message.js";
import type { WriteAnswer, WriteRequest } from "../../src/registry/write.js";
import type { ModelEars } from "./model-ears.js";
import type { Written } from "./model-letter.js";
import type { WritePlan } from "./model-plans.js";
import { type Kept, type ModelRetries, retryOf } from "./model-retries.js";
import { TEAM, type TeamModel } from "./team-model.js";

type Answer = WriteAnswer & { readonly duplicate: boolean };
type Told = Pick<Answer, "revision" | "messageId" | "deliveredCount" | "skippedCount" | "results" | "duplicate">;
type Earlier = Kept<Written | undefined> | "REQUEST_ID_REUSED" | undefined;

/** What is written in a history: each request with words of its own, unless it is made again. */
export class ModelWritings {
  /** How many there were. */
  count = 0;
  readonly #model: TeamModel;
  readonly #retries: ModelRetries<Written | undefined>;
  readonly #ears: ModelEars;
  readonly #instance: string;
  /** The first request of each request_id. */
  readonly #first = new Map<string, WriteRequest>();

  constructor(model: TeamModel, retries: ModelRetries<Written | undefined>, ears: ModelEars, instance: string) {
    this.#model = model;
    this.#retries = retries;
    this.#ears = ears;
    this.#instance = instance;
  }

  request(plan: WritePlan): WriteRequest {
    const { socketId, sender, includeSender, requestId, isSame } = plan;
    const method = "timeoutMs" in plan ? "ask" : "write";
    const first = this.#first.get(`${method} ${requestId}`);
    if (requestId > 0 && isSame && first !== undefined) return first;
    const questions = [...this.#model.letters.values()].slice(-8);
    const replyTo = plan.replyTo === 0 ? undefined : questions[plan.replyTo % Math.max(1, questions.length)];
    const asked = {
      ...{ socketId, sender, includeSender, matchLabels: socketId === TEAM ? plan.labels : {} },
      ...{ replyTo: replyTo === undefined ? "" : this.#id(replyTo.revision), isQuestion: false },
    };
    const body = Buffer.from(`message ${++this.count}`);
    const request = { ...asked, body, retry: retryOf(method, requestId, [asked, this.count]) };
    if (requestId > 0 && first === undefined) this.#first.set(`${method} ${requestId}`, request);
    return request;
  }

  /** What a request is answered with, or why it is refused. */
  written(request: WriteRequest, earlier: Earlier): Told | string {
    if (earlier === "REQUEST_ID_REUSED") return earlier;
    const { socketId, sender, includeSender, matchLabels: labels, isQuestion, body } = request;
    const replyTo = [...this.#model.letters.keys()].find((revision) => this.#id(revision) === request.replyTo) ?? 0;
    const content = Buffer.from(body).toString();
    const post = { ...{ socketId, sender, includeSender, labels, isQuestion }, replyTo, content };
    const written = earlier?.answer ?? this.#model.write(post);
    if (typeof written === "string") return written;
    if (earlier === undefined) this.#retries.keep(request.retry, written);
    else if (!isQuestion) this.#ears.repeated(sender);
    const { revision, results } = written;
    const skippedCount = results.filter(({ skipReason }) => skipReason !== undefined).length;
    const counts = { deliveredCount: results.length - skippedCount, skippedCount };
    return { revision, messageId: this.#id(revision), ...counts, results, duplicate: earlier !== undefined };
  }

  #id(revision: number): string {
    return messageIdOf(this.#instance, revision);
  }
}

/** What of an answer is compared. */
export function told({ revision, messageId, deliveredCount, skippedCount, results, duplicate }: Answer): Told {
  return { revision, messageId, deliveredCount, skippedCount, results, duplicate };
}
