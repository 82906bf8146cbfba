/** One Engram at one address, over HTTP. What is asked of it is for the dialects to know. */
import { isObject, objectOf, type PeerAnswer, statusError } from "./peer-answer.js";
import { PeerError } from "./peer-error.js";

export type { PeerAnswer } from "./peer-answer.js";

/** How large an answer of a peer may be: a listing of 100,000 views has about 25 MB, the largest piece 28. */
export const RESPONSE_BYTES_MAX = 64 * 1024 * 1024;

export interface PeerOptions {
  /** `http://host:port`, with a path before the API's own if need be. */
  readonly url: string;
  /** Sent as a bearer token with every call. */
  readonly token?: string | undefined;
  /** How long a call may take, from the connection to the last byte. */
  readonly callTimeoutMs: number;
  /** How large an answer may be, unpacked. */
  readonly maxResponseBytes: number;
}

export interface PeerCall {
  /** Sent as JSON. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}

/** What an Engram says of itself. It looks as good when nothing works, so nothing is concluded from it. */
export interface PeerHealth {
  readonly component: string;
  readonly version: string;
}

type Method = "GET" | "POST" | "DELETE";

/** A peer that takes longer to say that it lives is down. */
const HEALTH_TIMEOUT_MS = 2_000;
/** How much of a path, and of what a peer says of a failure, goes into a message. */
const TEXT_CHARACTERS_MAX = 200;

/** An Engram. A call that fails is not tried again here. Of a call that fails by its connection, the outcome is unknown. */
export class Peer {
  /** How large an answer may be. */
  readonly maxResponseBytes: number;
  readonly #base: string;
  readonly #token: string;
  readonly #callTimeoutMs: number;
  readonly #calls = new Set<AbortController>();
  #isClosed = false;

  /** @throws Error when the address or the token cannot be used; it names neither's content */
  constructor({ url, token = "", callTimeoutMs, maxResponseBytes }: PeerOptions) {
    this.#base = baseOf(url);
    // Anything else would be refused by fetch, in a message that holds it.
    if (!/^[\x21-\x7e]*$/.test(token)) throw new Error("the token for Engram has characters that no header may have");
    this.#token = token;
    this.#callTimeoutMs = callTimeoutMs;
    this.maxResponseBytes = maxResponseBytes;
  }

  /**
   * Asks, and reads the whole answer, whatever its status.
   *
   * @param path percent-encoded, with its query, from a slash on
   * @throws PeerError UNREACHABLE, TIMEOUT, TOO_LARGE, MALFORMED (a success whose JSON is none), STATUS (a redirect);
   * the signal's reason when it aborts
   */
  request(method: Method, path: string, call: PeerCall): Promise<PeerAnswer> {
    return this.#call(method, path, call, this.#callTimeoutMs);
  }

  /** Asks whether it is up. @throws PeerError UNREACHABLE, also when it answers otherwise than with 200; TIMEOUT */
  async health(signal: AbortSignal): Promise<PeerHealth> {
    const timeoutMs = Math.min(HEALTH_TIMEOUT_MS, this.#callTimeoutMs);
    try {
      const answer = await this.#call("GET", "/health", { signal }, timeoutMs);
      if (answer.status !== 200) throw statusError(answer);
      const { component, version } = objectOf(answer);
      return { component: textOf(component), version: textOf(version) };
    } catch (error) {
      if (!(error instanceof PeerError) || error.fault === "TIMEOUT") throw error;
      throw new PeerError("UNREACHABLE", error.message, { status: error.status, cause: error });
    }
  }

  /**
   * How long it has been up. Less than before means that it was started again.
   *
   * @returns undefined when it does not say
   * @throws PeerError as `request` does
   */
  async uptimeSeconds(signal: AbortSignal): Promise<number | undefined> {
    const { status, body } = await this.request("GET", "/ready", { signal });
    // The field has this name in every Engram, and holds the uptime.
    const seconds = status === 200 && isObject(body) ? body["initializationTime"] : undefined;
    return typeof seconds === "number" && seconds >= 0 ? seconds : undefined;
  }

  /** Ends the calls under way, and refuses later ones, with UNREACHABLE. */
  close(): void {
    this.#isClosed = true;
    for (const call of this.#calls) call.abort(closed());
  }

  async #call(method: Method, path: string, call: PeerCall, timeoutMs: number): Promise<PeerAnswer> {
    const { signal } = call;
    signal.throwIfAborted();
    if (this.#isClosed) throw closed();
    const name = `${method} ${path.slice(0, TEXT_CHARACTERS_MAX)}`;
    const controller = new AbortController();
    const abort = (): void => controller.abort(signal.reason);
    const late = new PeerError("TIMEOUT", `${name} was not answered within ${timeoutMs} ms`);
    const timer = setTimeout(() => controller.abort(late), timeoutMs);
    signal.addEventListener("abort", abort, { once: true });
    this.#calls.add(controller);
    try {
      return await this.#exchange(name, method, path, call, controller.signal);
    } catch (error) {
      if (error instanceof PeerError) throw error;
      if (controller.signal.aborted) throw controller.signal.reason;
      throw unreachable(name, error);
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", abort);
      this.#calls.delete(controller);
    }
  }

  async #exchange(
    name: string,
    method: Method,
    path: string,
    { body, headers }: PeerCall,
    signal: AbortSignal,
  ): Promise<PeerAnswer> {
    const response = await fetch(this.#base + path, {
      method,
      redirect: "manual",
      signal,
      headers: {
        accept: "application/json",
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...(this.#token === "" ? {} : { authorization: `Bearer ${this.#token}` }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const { status } = response;
    const type = (response.headers.get("content-type") ?? "").split(";", 1).join().trim().toLowerCase();
    if (!isJson(type) || isRedirect(status)) await response.body?.cancel();
    if (isRedirect(status)) {
      throw new PeerError("STATUS", `${name} answers ${status}, and redirects are not followed`, { status });
    }
    const bytes = isJson(type) ? await this.#bytes(name, response) : Buffer.alloc(0);
    if (bytes.length === 0) return { call: name, status, type, body: undefined, said: "" };
    const json = parsed(bytes);
    if (json === undefined && response.ok) {
      throw new PeerError("MALFORMED", `${name} answers ${status} with JSON that is none, or not all of it`, {
        status,
      });
    }
    return { call: name, status, type, body: json, said: this.#said(json) };
  }

  async #bytes(name: string, { body, status }: Response): Promise<Buffer> {
    const pieces: Uint8Array[] = [];
    let size = 0;
    for await (const piece of body ?? []) {
      size += piece.byteLength;
      if (size > this.maxResponseBytes) {
        const text = `${name} answers with more than ${this.maxResponseBytes} bytes`;
        throw new PeerError("TOO_LARGE", text, { status });
      }
      pieces.push(piece);
    }
    return Buffer.concat(pieces, size);
  }

  #said(body: unknown): string {
    if (!isObject(body)) return "";
    const { error, detail, message } = body;
    const said = [error, detail, message].find((text) => typeof text === "string");
    const line = textOf(said).replace(/[\s\p{Cc}]+/gu, " ");
    // A peer may say what it was sent.
    const safe = this.#token === "" ? line : line.replaceAll(this.#token, "***");
    return safe.slice(0, TEXT_CHARACTERS_MAX);
  }
}

function baseOf(url: string): string {
  const { protocol, username, password, search, hash, origin, pathname } = new URL(url);
  if (protocol !== "http:" && protocol !== "https:")
    throw new Error("the address of Engram must begin with http(s)://");
  if (username !== "" || password !== "") throw new Error("the address of Engram may hold no user and no password");
  if (search !== "" || hash !== "") throw new Error("the address of Engram may have no query and no fragment");
  return origin + pathname.replace(/\/+$/, "");
}

/** JSON in UTF-8; undefined for anything else. */
function parsed(bytes: Buffer): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    return undefined;
  }
}

function unreachable(name: string, error: unknown): PeerError {
  const { code, message } = causeOf(error);
  return new PeerError("UNREACHABLE", `${name}: ${code === "" ? message : code}`, { cause: error });
}

/** Fetch says of every failed connection that it failed; what it was lies below, and on two addresses below that. */
function causeOf(error: unknown): { readonly code: string; readonly message: string } {
  if (!(error instanceof Error)) return { code: "", message: "the connection failed" };
  const code = "code" in error ? textOf(error.code) : "";
  if (code !== "") return { code, message: error.message };
  if (error instanceof AggregateError) return causeOf(error.errors[0]);
  return error.cause === undefined ? { code, message: error.message } : causeOf(error.cause);
}

const closed = (): PeerError => new PeerError("UNREACHABLE", "the peer was closed on our side");
const isJson = (type: string): boolean => type === "application/json" || /^application\/[\w.-]+\+json$/.test(type);
const isRedirect = (status: number): boolean => status >= 300 && status < 400;
const textOf = (value: unknown): string => (typeof value === "string" ? value : "");
