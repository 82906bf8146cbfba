/**
 * The languages that have a client, and what must be there before theirs can run.
 *
 * Whoever has only Node can run every test: what is not ready is skipped, and says why. REQUIRE_CLIENTS (`all`, or names
 * separated by commas: `python,go`) turns the skipping of these languages into a failure.
 */
import { accessSync, constants, existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { describe, expect, test } from "vitest";
import { isRequired } from "../../proto/languages.js";
import { root } from "./process.js";

/** The programs that every client brings along. */
export type ProgramName = "driver" | "walkthrough" | "agent";

export interface Language {
  readonly name: string;
  /** Whether the client has a layer above the generated code: verbs of its own, retries, a Watch that reopens. */
  readonly hasLayer: boolean;
  /** Commands without which the client cannot be built. */
  readonly tools: readonly string[];
  /** The command line of each program. A command with a slash in it is a file that `clients/<folder>/setup` makes. */
  readonly programs: Readonly<Record<ProgramName, readonly [string, ...string[]]>>;
}

const python = ".tools/python/bin/python";

export const languages: readonly Language[] = [
  {
    name: "TypeScript",
    hasLayer: true,
    tools: [],
    programs: {
      driver: ["node", "--import", "tsx", "clients/typescript/conformance/driver.ts"],
      walkthrough: ["node", "--import", "tsx", "clients/typescript/samples/walkthrough.ts"],
      agent: ["node", "--import", "tsx", "clients/typescript/samples/agent.ts"],
    },
  },
  {
    name: "Python",
    hasLayer: true,
    tools: ["python3"],
    programs: {
      driver: [python, "clients/python/conformance/driver.py"],
      walkthrough: [python, "clients/python/samples/walkthrough.py"],
      agent: [python, "clients/python/samples/agent.py"],
    },
  },
  {
    name: "Go",
    hasLayer: true,
    tools: ["go"],
    programs: {
      driver: [".tools/go/driver"],
      walkthrough: [".tools/go/walkthrough"],
      agent: [".tools/go/agent"],
    },
  },
  {
    name: "Java",
    hasLayer: false,
    tools: ["java", "mvn"],
    programs: {
      driver: ["clients/java/driver"],
      walkthrough: ["clients/java/walkthrough"],
      agent: ["clients/java/agent"],
    },
  },
  {
    name: "Rust",
    hasLayer: false,
    tools: ["cargo"],
    programs: {
      driver: ["clients/rust/driver"],
      walkthrough: ["clients/rust/walkthrough"],
      agent: ["clients/rust/agent"],
    },
  },
];

/** The command line of a language's program, with the absolute path of what is a file of this repository. */
export function commandOf({ programs }: Language, program: ProgramName): [string, ...string[]] {
  const [command, ...args] = programs[program];
  if (command === "node") return [process.execPath, ...args];
  return [join(root, command), ...args];
}

/** Why a language cannot run; undefined when it can. */
export function missing({ name, tools, programs }: Language): string | undefined {
  const tool = tools.find((command) => !isOnPath(command));
  if (tool !== undefined) return `${tool} is not installed`;
  const [command] = programs.driver;
  if (!command.includes("/") || existsSync(join(root, command))) return undefined;
  return `clients/${name.toLowerCase()}/setup has not been run`;
}

export const readyLanguages: readonly Language[] = languages.filter((language) => missing(language) === undefined);

/** Has a suite for each language. One that is not ready is skipped by name, or, when it is required, fails. */
export function describeLanguages(body: (language: Language) => void): void {
  for (const language of languages) describeLanguage(language, body);
}

/** The same for one language. */
export function describeLanguage(language: Language, body: (language: Language) => void): void {
  const { name } = language;
  const reason = missing(language);
  if (reason === undefined) describe(name, () => body(language));
  else if (isRequired(name.toLowerCase())) test(`${name} is ready`, () => expect.fail(`${name}: ${reason}`));
  else describe.skip(`${name} (skipped: ${reason})`, () => body(language));
}

/** The language of this name. */
export function languageOf(name: string): Language {
  return languages.find((language) => language.name === name) ?? expect.unreachable(`${name} has no client`);
}

/** Says in one line for each language that is skipped why it is. */
export function tellSkipped(): void {
  for (const language of languages) {
    const reason = missing(language);
    if (reason === undefined || isRequired(language.name.toLowerCase())) continue;
    process.stderr.write(`skipped: the client for ${language.name}: ${reason}\n`);
  }
}

function isOnPath(command: string): boolean {
  return (process.env["PATH"] ?? "").split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, command), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
