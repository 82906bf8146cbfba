import { setTimeout as delay } from "node:timers/promises";
import type { DisturbedRows } from "./disturbed.js";
import { DELAY_MS_MAX } from "./limits.js";
import { type Answer, detail, isObject, Refusal } from "./route.js";

/** What answers `status` may give. With one below 300 the request is done all the same. */
const statusTexts = {
  201: "Created",
  204: "No Content",
  404: "Not Found",
  405: "Method Not Allowed",
  500: "Internal Server Error",
  503: "Service Unavailable",
} as const;
type FaultStatus = keyof typeof statusTexts;

/** Every fault, and what it promises. There is one at a time. */
export const faults = {
  none: "Everything works.",
  down: "New connections are refused, and open ones are cut.",
  hang: "Requests are taken and never answered. When the fault ends they are cut.",
  slow: "Every request is held for delayMs before it is looked at.",
  status: "Every answer has this status. With 201 and 204 the request is done, with others it is not.",
  "success-false": 'Every answer is 200 {"success":false}, and nothing is done.',
  html: "Every answer is 200 and a page of HTML, and nothing is done.",
  "truncated-json": "What is asked for is done, and the answer ends in the middle.",
  "reset-mid-body": "What is asked for is done, and the connection is reset in the middle of the answer.",
  loss: "Everything stored is gone, at once, and the uptime begins anew. Then everything works.",
  torn: "Every second memory is gone, at once. Then everything works.",
  "stale-reads": "Reads answer what was stored when the fault began.",
  "lie-on-delete": "Deletions are answered as if they were made, and are not.",
  "lie-on-store": "What is to be stored is answered as if it was, and is not.",
  "list-omits": "Listings and searches leave out every second memory, the first one too.",
} as const;
export type FaultName = keyof typeof faults;

/** A fault as it is switched on. */
export type Fault =
  | { readonly fault: "slow"; readonly delayMs: number }
  | { readonly fault: "status"; readonly status: FaultStatus }
  | { readonly fault: Exclude<FaultName, "slow" | "status"> };

const NONE: Fault = { fault: "none" };

/** What faults act upon, beside requests and answers. */
interface Effects {
  readonly rows: DisturbedRows;
  shut(): Promise<void>;
  open(): Promise<void>;
  /** Memory that is no row is forgotten, and the uptime begins anew. */
  forget(): void;
}

/** The fault that is on. */
export class Faults {
  readonly #effects: Effects;
  #current: Fault = NONE;
  #period = newPeriod();
  #turn = Promise.resolve();

  constructor(effects: Effects) {
    this.#effects = effects;
  }

  get current(): Fault {
    return this.#current;
  }

  /** Ends the fault that is on and begins this one. Resolves when it is on, and when what happens at once has. */
  set(fault: Fault): Promise<void> {
    const done = this.#turn.then(() => this.#change(fault));
    this.#turn = done.catch(() => {});
    return done;
  }

  /** Lets go of the requests that a fault holds. */
  release(): void {
    this.#period.end();
    this.#period = newPeriod();
  }

  /**
   * What a fault does with a request before anybody looks at it.
   *
   * @returns an answer in place of the right one, `cut` for none at all, or undefined to go on
   */
  async before(): Promise<Answer | "cut" | undefined> {
    const fault = this.#current;
    const { ended } = this.#period;
    switch (fault.fault) {
      case "hang":
        await ended;
        return "cut";
      case "slow":
        await Promise.race([delay(fault.delayMs, undefined, { ref: false }), ended]);
        return undefined;
      case "status":
        return fault.status < 300 ? undefined : detail(fault.status, statusTexts[fault.status]);
      case "success-false":
        return { status: 200, body: { success: false } };
      case "html":
        return { status: 200, body: "<html><body><h1>Welcome</h1></body></html>", type: "text/html" };
      default:
        return undefined;
    }
  }

  async #change(fault: Fault): Promise<void> {
    const { rows } = this.#effects;
    const wasDown = this.#current.fault === "down";
    this.#current = NONE;
    this.release();
    await rows.set("none");
    if (wasDown && fault.fault !== "down") await this.#effects.open();
    switch (fault.fault) {
      case "down":
        await this.#effects.shut();
        break;
      case "loss":
        await rows.loseAll();
        this.#effects.forget();
        return;
      case "torn":
        await rows.loseHalf();
        return;
      case "stale-reads":
      case "lie-on-delete":
      case "lie-on-store":
      case "list-omits":
        await rows.set(fault.fault);
        break;
      default:
        break;
    }
    this.#current = fault;
  }
}

/** A fault as it comes over HTTP. @throws Refusal */
export function parseFault(value: unknown): Fault {
  if (!isObject(value)) throw refused('the body must be a JSON object, like {"fault":"slow","delayMs":200}');
  const { fault, delayMs, status } = value;
  if (!isFaultName(fault)) throw refused(`fault must be one of ${Object.keys(faults).join(", ")}`);
  if (fault === "slow") {
    const isDelay = Number.isInteger(delayMs) && Number(delayMs) >= 0 && Number(delayMs) <= DELAY_MS_MAX;
    if (!isDelay) throw refused(`delayMs must be a whole number from 0 to ${DELAY_MS_MAX}`);
    return { fault, delayMs: Number(delayMs) };
  }
  if (fault === "status") {
    if (!isFaultStatus(status)) throw refused(`status must be one of ${Object.keys(statusTexts).join(", ")}`);
    return { fault, status };
  }
  return { fault };
}

const isFaultName = (value: unknown): value is FaultName => typeof value === "string" && Object.hasOwn(faults, value);
const isFaultStatus = (value: unknown): value is FaultStatus =>
  typeof value === "number" && Object.hasOwn(statusTexts, value);

const refused = (text: string): Refusal => new Refusal(detail(400, text));

/** The time of one fault. */
function newPeriod(): { readonly ended: Promise<void>; end(): void } {
  let end = (): void => {};
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  return { ended, end };
}
