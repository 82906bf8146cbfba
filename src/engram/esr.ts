/**
 * The second API of the personality `head`. It stores and recalls, in RAM: nothing survives a restart. Nothing is found,
 * changed or deleted by it.
 */
import { randomBytes } from "node:crypto";
import { ESR_MEMORIES_MAX } from "./limits.js";
import { bodyOf } from "./mid.js";
import { type Answer, type Call, detail, isObject, ok, type Route, timestamp } from "./route.js";

const ID_BYTES = 8;
const THOUGHTS = new Set(["IDEA", "FACT", "OPINION", "QUESTION", "MEMORY"]);

/** What is in RAM, oldest first. */
export class Esr {
  readonly #memories = new Map<string, object>();

  store(memory: object): string {
    const [oldest] = this.#memories.keys();
    if (this.#memories.size >= ESR_MEMORIES_MAX && oldest !== undefined) this.#memories.delete(oldest);
    const id = randomBytes(ID_BYTES).toString("hex");
    this.#memories.set(id, memory);
    return id;
  }

  recall(id: string): object | undefined {
    return this.#memories.get(id);
  }

  /** Forgets everything, as a restart does. */
  clear(): void {
    this.#memories.clear();
  }
}

export function esrRoutes(esr: Esr): readonly Route[] {
  const route = (method: "GET" | "POST", path: string, handle: Route["handle"]): Route => ({
    method,
    path: `/api/esr${path}`,
    about: "Of the API that keeps in RAM.",
    handle,
  });
  return [
    route("GET", "/status", () => ok({ status: "available", timestamp: timestamp(), endpoints: ENDPOINTS })),
    route("POST", "/store", (call) => store(esr, call)),
    route("GET", "/recall/{memory_id}", (call) => recall(esr, call)),
    route("POST", "/search", () => success({ results: [], count: 0 })),
    route("POST", "/context", (call) => context(call)),
    route("POST", "/associate", (call) => {
      const { from_memory, to_memory } = bodyOf(call, "associating");
      const associated = { from: from_memory, to: to_memory, type: "related" };
      return success({ association_id: randomBytes(ID_BYTES).toString("hex"), ...associated });
    }),
    route("GET", "/metabolism/status", () => success({ metabolism: METABOLISM, ci_id: "system" })),
    route("POST", "/reflect", (call) => {
      const { ci_id } = bodyOf(call, "reflecting");
      return success({ action: "reflection_triggered", ci_id: ci_id ?? "system", reason: "explicit_request" });
    }),
    route("GET", "/namespaces", () => success({ namespaces: ["engram"], count: 1 })),
  ];
}

const ENDPOINTS = [
  "/store",
  "/recall/{memory_id}",
  "/search",
  "/context",
  "/associate",
  "/metabolism/status",
  "/reflect",
  "/namespaces",
];
const METABOLISM = { total_memories: 0, promoted: 0, forgotten: 0, last_metabolism: null };

const success = (values: object): Answer => ok({ status: "success", ...values, timestamp: timestamp() });

function store(esr: Esr, call: Call): Answer {
  const { content, thought_type, context, ci_id, confidence = 1 } = bodyOf(call, "storing");
  const isConfidence = typeof confidence === "number" && confidence >= 0 && confidence <= 1;
  if (typeof content !== "string" || !isConfidence) return detail(422, "content or confidence is not valid");
  const type = typeof thought_type === "string" && THOUGHTS.has(thought_type) ? thought_type : "IDEA";
  const memory_id = esr.store({
    content,
    type: type.toLowerCase(),
    context: isObject(context) ? context : {},
    associations: [],
    confidence,
    source_ci: ci_id ?? "system",
    timestamp: timestamp(),
  });
  return success({ memory_id });
}

/** Whoever asks gets it: the client's id is not looked at. */
function recall(esr: Esr, { params }: Call): Answer {
  const id = params["memory_id"] ?? "";
  const memory = esr.recall(id);
  return memory === undefined ? detail(404, `Memory ${id} not found`) : ok({ status: "success", memory });
}

function context(call: Call): Answer {
  const { topic } = bodyOf(call, "getting context");
  const nothing = { primary_thoughts: [], associated_thoughts: [], facts: [], opinions: [], questions: [] };
  return success({ context: { topic, ...nothing, confidence: 1, timestamp: timestamp() } });
}
