/**
 * The scenarios of clients/conformance, read and carried out.
 *
 * A file of them is `{"theme", "scenarios"}`, a scenario `{"name", "steps"}`, and where it needs them: `each`, a list of
 * names with their values, for each of which it is carried out; `server`, a server of its own (see startHost);
 * `environment`, variables for the driver; `layer`, true for clients with a layer above the generated code alone, false
 * for those without. Every other scenario finds a server without sockets.
 *
 * A step is one of:
 *
 * * `{"op", "args", "timeout_ms"}`: carries out an operation to its end.
 * * `{"start", "args", "as"}`: begins one. What follows speaks of it by the name in `as`; `${name.id}` is its id.
 * * `{"item": name}`: its next item. `{"items": name, "of": field}`: what the next items have in this field, put together
 *   until there is as much as expected; items without it are passed over.
 * * `{"end": name}`: the operation ends, without items that nobody took unless `rest` says so. `{"cancel": name}`: it is
 *   cancelled and ends.
 * * `{"until": step}`: carries out the operation again and again until its result is as expected.
 * * `{"parallel": [steps, steps]}`; `{"repeat": count, "steps"}`, in which `${n}` counts from 1.
 * * `{"server": act}`: stop, kill, start, freeze or thaw it. `{"driver": act}`: kill it, or start another.
 *
 * What comes must match `expect`, or `error`, if the step has it. Without `error` there must be none; `cancel` expects
 * the code CANCELLED unless it says otherwise. `as` names what came, for `${name.field}` in later steps; `${unique}` is a
 * text that no other run has. Values and what can be expected of them are described in clients-matching.ts.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { brief, Driver, type Ending, type Json, type JsonObject, type Operation, within } from "./clients-driver.js";
import type { Language } from "./clients-languages.js";
import { isObject, mismatch, type Names, resolve } from "./clients-matching.js";
import type { Host } from "./clients-server.js";
import { root } from "./process.js";

export interface Scenario {
  readonly name: string;
  readonly steps: readonly JsonObject[];
  readonly server?: JsonObject;
  readonly environment?: Readonly<Record<string, string>>;
  readonly layer?: boolean;
  readonly each?: readonly JsonObject[];
}

export interface Theme {
  readonly theme: string;
  readonly scenarios: readonly Scenario[];
}

/** All scenarios, file by file. */
export function readThemes(): Theme[] {
  const folder = join(root, "clients/conformance/scenarios");
  const files = readdirSync(folder).filter((name) => name.endsWith(".json"));
  return files.sort().map((name) => JSON.parse(readFileSync(join(folder, name), "utf8")));
}

/** What a scenario is carried out with: a title, and what is named before its first step. */
export function variantsOf({ name, each = [{}] }: Scenario): { title: string; given: JsonObject }[] {
  return each.map((given) => ({ title: String(resolve(name, new Map(Object.entries(given)))), given }));
}

/** The steps of a scenario, those within other steps too. */
export function allSteps(steps: readonly JsonObject[]): JsonObject[] {
  return steps.flatMap((step) => {
    const inner = (Object.values(step).flat(2) as Json[]).filter(isObject);
    return [step, ...allSteps(inner)];
  });
}

/** One run of a scenario, with the driver as it is now. */
export class Run {
  driver: Driver;
  readonly #language: Language;
  readonly #host: Host;
  readonly #environment: Readonly<Record<string, string>>;
  readonly #operations = new Map<string, Operation>();
  /** What items carried beyond what was asked for. */
  readonly #left = new Map<string, Json[]>();

  constructor(language: Language, host: Host, driver: Driver, environment: Readonly<Record<string, string>> = {}) {
    this.driver = driver;
    this.#language = language;
    this.#host = host;
    this.#environment = environment;
  }

  async steps(steps: readonly JsonObject[], names: Names = new Map()): Promise<void> {
    for (const [index, step] of steps.entries()) {
      try {
        await this.#step(step, names);
      } catch (error) {
        const text = error instanceof Error ? error.message : String(error);
        throw new Error(`step ${index + 1}, ${brief(step)}: ${text}`, { cause: error });
      }
    }
  }

  async #step(step: JsonObject, names: Names): Promise<void> {
    const kinds = Object.keys(step).flatMap((key) => this.#kinds[key] ?? []);
    const [kind] = kinds;
    if (kind === undefined || kinds.length > 1) throw new Error("there is no such step");
    await kind(step, names);
  }

  readonly #kinds: Readonly<Record<string, (step: JsonObject, names: Names) => Promise<void>>> = {
    op: async (step, names) => {
      const ending = await this.driver.call(String(step["op"]), resolve(step["args"] ?? {}, names), timeoutOf(step));
      checkEnding(step, ending, names);
    },
    start: async (step, names) => {
      const operation = this.driver.begin(String(step["start"]), resolve(step["args"] ?? {}, names), timeoutOf(step));
      this.#operations.set(String(step["as"]), operation);
      names.set(String(step["as"]), { id: operation.id });
    },
    item: async (step, names) => check(step, await this.#item(String(step["item"])), names),
    items: async (step, names) => check(step, await this.#items(step, names), names),
    end: async (step, names) => {
      const operation = this.#operation(step["end"]);
      const ending = await within(operation.ended(), () => `end of ${operation.name}`);
      checkEnding(step, ending, names);
      if (step["rest"] === true) return;
      if (operation.waiting.length > 0) throw new Error(`items that nobody expected: ${brief(operation.waiting)}`);
    },
    cancel: async (step, names) => {
      const operation = this.#operation(step["cancel"]);
      checkEnding({}, await this.driver.call("cancel", { id: operation.id }), names);
      const ending = await within(operation.ended(), () => `end of ${operation.name} after cancel`);
      checkEnding("expect" in step ? step : { error: { code: "CANCELLED" }, ...step }, ending, names);
    },
    until: async (step, names) => await this.#until(step["until"] as JsonObject, names),
    parallel: async (step, names) => {
      const branches = step["parallel"] as unknown as readonly JsonObject[][];
      await Promise.all(branches.map((steps) => this.steps(steps, names)));
    },
    repeat: async (step, names) => {
      for (let n = 1; n <= Number(step["repeat"]); n++) {
        await this.steps(step["steps"] as unknown as JsonObject[], names.set("n", n));
      }
    },
    server: async (step, names) => await this.#host.act(String(resolve(step["server"] ?? "", names))),
    driver: async (step) => {
      if (step["driver"] === "kill") await this.driver.kill();
      else this.driver = await Driver.start(this.#language, this.#host.address, this.#environment);
    },
  };

  #operation(name: Json | undefined): Operation {
    return this.#operations.get(String(name)) ?? expect.unreachable(`no operation is called ${name}`);
  }

  async #item(name: string): Promise<Json> {
    const operation = this.#operation(name);
    const item = await within(operation.next(), () => `item of ${operation.name}`);
    if (item !== undefined) return item;
    throw new Error(`it ended without an item: ${brief(await operation.ended())}`);
  }

  async #items(step: JsonObject, names: Names): Promise<Json> {
    const name = String(step["items"]);
    const expected = resolve(step["expect"] ?? [], names);
    const list = isObject(expected) ? (expected["$unordered"] ?? []) : expected;
    const count = (list as readonly Json[]).length;
    const found = this.#left.get(name) ?? [];
    while (found.length < count) {
      const item = await this.#item(name);
      const value = isObject(item) ? item[String(step["of"])] : undefined;
      if (Array.isArray(value)) found.push(...value);
      else if (value !== undefined) found.push(value);
    }
    this.#left.set(name, found);
    return found.splice(0, count);
  }

  async #until(step: JsonObject, names: Names): Promise<void> {
    const endMs = performance.now() + 40_000;
    for (;;) {
      try {
        return await this.#step(step, names);
      } catch (error) {
        if (performance.now() > endMs) throw error;
      }
      await new Promise((resolve) => void setTimeout(resolve, 50));
    }
  }
}

function timeoutOf({ timeout_ms }: JsonObject): number | undefined {
  return timeout_ms === undefined ? undefined : Number(timeout_ms);
}

function checkEnding(step: JsonObject, ending: Ending, names: Names): void {
  if ("result" in ending) {
    if (step["error"] !== undefined) throw new Error(`it was no error, but ${brief(ending.result)}`);
    check(step, ending.result, names);
    return;
  }
  if (step["error"] === undefined) throw new Error(`it failed: ${brief(ending.error)}`);
  const problem = mismatch(resolve(step["error"], names), ending.error, "the error");
  if (problem !== undefined) throw new Error(problem);
}

function check(step: JsonObject, came: Json, names: Names): void {
  const { expect: expected, as } = step;
  const problem = expected === undefined ? undefined : mismatch(resolve(expected, names), came);
  if (problem !== undefined) throw new Error(problem);
  if (as !== undefined) names.set(String(as), came);
}
