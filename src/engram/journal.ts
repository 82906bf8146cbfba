import { keyOf, letters, rangeOf } from "./keys.js";
import { timestamp } from "./route.js";
import type { Rows } from "./store.js";

/** The namespaces that there are without anybody making them. */
export const NAMESPACES = ["conversations", "thinking", "longterm", "projects", "compartments", "session"] as const;
export const NAMESPACE_DEFAULT = "conversations";
/** A text of this form, in this namespace, makes searches leave out what has the rest of it in it. */
const FORGET_PREFIX = "FORGET/IGNORE: ";
const FORGET_NAMESPACE = "longterm";

/** A memory that was added, as it is stored. */
interface Added {
  readonly id: string;
  readonly content: string;
  readonly metadata: Readonly<Record<string, unknown>>;
}

export interface Compartment {
  readonly id: string;
  readonly name: string;
  readonly description: string;
  readonly parent: null;
  readonly created_at: string;
  readonly last_accessed: string;
  readonly expiration: null;
  readonly active: boolean;
}

/** What a search found: which, how many were left out to be forgotten, and whether one cannot be sent. */
export interface Matches {
  readonly rows: readonly Buffer[];
  readonly forgottenCount: number;
  /** Half of a surrogate pair is stored without a word, and no answer with it can be made. */
  readonly isPoisoned: boolean;
}

/**
 * What the real Engram of summer 2025 could do: memories are added, and found by a text in them. None has a key, and none
 * is ever changed or removed. Each client has a store of its own.
 */
export class Journal {
  readonly #rows: Rows;
  #lastMicros = 0;

  constructor(rows: Rows) {
    this.#rows = rows;
  }

  /** Adds a memory. Resolves when it is on the disk. A namespace that there is not becomes the default, silently. */
  async add(client: string, wanted: string, content: string, metadata: object): Promise<void> {
    const namespace = (await this.#hasNamespace(client, wanted)) ? wanted : NAMESPACE_DEFAULT;
    const micros = this.#nextMicros();
    const record: Added = {
      id: `${namespace}-${Math.floor(micros / 1_000_000)}-${hash(content)}`,
      content,
      metadata: { ...metadata, timestamp: timestamp(micros), client_id: client },
    };
    const key = keyOf(letters.added, [client, namespace], micros);
    const changes = [{ type: "put", key, value: Buffer.from(JSON.stringify(record)) } as const];
    if (namespace === FORGET_NAMESPACE && content.startsWith(FORGET_PREFIX)) {
      const value = Buffer.from(content.slice(FORGET_PREFIX.length).trim());
      changes.push({ type: "put", key: keyOf(letters.forgotten, [client], micros), value });
    }
    await this.#rows.write(changes);
  }

  /**
   * The memories with this text in their content, whatever the case of its letters, newest first.
   *
   * @param limit how many; a negative one leaves out so many of the oldest
   */
  async search(client: string, namespace: string, query: string, limit: number): Promise<Matches> {
    const needle = query.toLowerCase();
    const forgotten = await this.#forgotten(client);
    const matches: { key: Buffer; isPoison: boolean }[] = [];
    let forgottenCount = 0;
    for await (const step of this.#rows.rows({ ...rangeOf(letters.added, [client, namespace]), reverse: true })) {
      for (const [key, value] of step) {
        const { content } = recordOf(value);
        const text = content.toLowerCase();
        if (!text.includes(needle)) continue;
        if (forgotten.some((term) => text.includes(term))) forgottenCount++;
        else matches.push({ key, isPoison: /\p{Surrogate}/u.test(content) });
      }
    }
    const found = matches.slice(0, limit);
    return { rows: found.map(({ key }) => key), forgottenCount, isPoisoned: found.some(({ isPoison }) => isPoison) };
  }

  /** The stored memories of a search, one by one. */
  async *records(rows: readonly Buffer[]): AsyncGenerator<Added> {
    for (const row of rows) {
      const [value] = await this.#rows.get([row]);
      if (value !== undefined) yield recordOf(value);
    }
  }

  /** The namespaces of a client: those that there always are, and one for each of its compartments. */
  async namespaces(client: string): Promise<string[]> {
    const compartments = await this.compartments(client);
    return [...NAMESPACES, ...compartments.map(({ id }) => `compartment-${id}`)];
  }

  async compartments(client: string): Promise<Compartment[]> {
    const found: Compartment[] = [];
    for await (const step of this.#rows.rows(rangeOf(letters.compartment, [client]))) {
      found.push(...step.map(([, value]) => JSON.parse(value.toString())));
    }
    return found;
  }

  /** Makes a compartment, also when there is one of this name. @returns its id */
  async createCompartment(client: string, name: string, description: string): Promise<string> {
    const taken = new Set((await this.compartments(client)).map(({ id }) => id));
    const micros = this.#nextMicros();
    let second = Math.floor(micros / 1_000_000);
    while (taken.has(`${second}-${name}`)) second++;
    const id = `${second}-${name}`;
    const made = { created_at: timestamp(micros), last_accessed: timestamp(micros), expiration: null, active: false };
    await this.#putCompartment(client, { id, name, description, parent: null, ...made });
    return id;
  }

  /** Makes a compartment active, or not. Whether there is such a one. */
  async activate(client: string, id: string, active: boolean): Promise<boolean> {
    const found = (await this.compartments(client)).find((compartment) => compartment.id === id);
    if (found === undefined) return false;
    await this.#putCompartment(client, { ...found, active, last_accessed: timestamp() });
    return true;
  }

  async #putCompartment(client: string, compartment: Compartment): Promise<void> {
    const key = keyOf(letters.compartment, [client], compartment.id);
    await this.#rows.write([{ type: "put", key, value: Buffer.from(JSON.stringify(compartment)) }]);
  }

  async #hasNamespace(client: string, namespace: string): Promise<boolean> {
    if (NAMESPACES.some((name) => name === namespace)) return true;
    return namespace.startsWith("compartment-") && (await this.namespaces(client)).includes(namespace);
  }

  async #forgotten(client: string): Promise<string[]> {
    const terms: string[] = [];
    for await (const step of this.#rows.rows(rangeOf(letters.forgotten, [client]))) {
      terms.push(...step.map(([, value]) => value.toString().toLowerCase()));
    }
    return terms.filter((term) => term !== "");
  }

  /** The time now, and later than any before: it is the order of memories. */
  #nextMicros(): number {
    this.#lastMicros = Math.max(this.#lastMicros + 1, Date.now() * 1_000);
    return this.#lastMicros;
  }
}

function recordOf(value: Buffer): Added {
  return JSON.parse(value.toString());
}

/** Four digits or fewer that are the same for the same text, as the real server's ids end with. */
function hash(text: string): number {
  let sum = 0;
  for (let index = 0; index < text.length; index++) sum = (sum * 31 + text.charCodeAt(index)) % 10_000;
  return sum;
}
