/** What an Engram is to its callers: a table of routes. How HTTP is read and written is in app.ts. */

/** The names under which a personality can be asked for. `kv` is the one to keep memories in; the others are doubles. */
export const personalityNames = ["kv", "mid", "mid-faiss", "aug", "head"] as const;
export type PersonalityName = (typeof personalityNames)[number];

export type Method = "GET" | "POST" | "PUT" | "DELETE";

/** A request, as a route sees it. */
export interface Call {
  /** The named parts of the path, percent-decoded. Any text, also an empty one. */
  readonly params: Readonly<Record<string, string>>;
  /** The query, percent-decoded. Of a parameter that comes twice, the last. */
  readonly query: Readonly<Record<string, string | undefined>>;
  /** The value of X-Client-ID, `default` when there is none. */
  readonly client: string;
  /** The body as it came, at most BODY_BYTES_MAX bytes. Empty when there is none. */
  readonly body: Buffer;
}

/** What a route answers. */
export interface Answer {
  readonly status: number;
  /** A text is sent as it is, an iterable piece by piece, and what is left as JSON. */
  readonly body: string | AsyncIterable<string> | object;
  /** The media type, JSON unless it says otherwise. */
  readonly type?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Route {
  readonly method: Method;
  /** With its named parts in braces, as OpenAPI writes it. A part without braces wins over one with. */
  readonly path: string;
  /** What it is for, in the OpenAPI document. */
  readonly about: string;
  handle(call: Call): Answer | Promise<Answer>;
}

/** An answer that is thrown, because what was asked for cannot be done. */
export class Refusal extends Error {
  override readonly name = "Refusal";
  readonly answer: Answer;

  constructor(answer: Answer) {
    super(`refused with ${answer.status}`);
    this.answer = answer;
  }
}

export const ok = (body: Answer["body"]): Answer => ({ status: 200, body });

/** An error in the shape of FastAPI, which the real server was made with. */
export const detail = (status: number, text: string): Answer => ({ status, body: { detail: text } });

/** An error in the shape of the real server's own routes. */
export const failure = (status: number, text: string): Answer => ({ status, body: { error: text } });

/** The body of a call as JSON; undefined when it is none, or no UTF-8. */
export function jsonOf({ body }: Call): { readonly value: unknown } | undefined {
  try {
    return { value: JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(body)) };
  } catch {
    return undefined;
  }
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A moment as the real server writes it: UTC to the microsecond, without a zone. */
export function timestamp(micros = Date.now() * 1_000): string {
  const rest = String(micros % 1_000).padStart(3, "0");
  return new Date(Math.floor(micros / 1_000)).toISOString().replace("Z", rest);
}
