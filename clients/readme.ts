/**
 * The READMEs of the clients, which are one text (`clients/readme.md`) with the code of each language's samples in it, so
 * that what a reader sees is what the tests run. What only one language has to say is in its `about.md`.
 *
 *   {{name}}              the language
 *   {{file: agent}}       the path of a sample
 *   {{section: create}}   the code between the comments `section: create` and `end: create` of a sample
 *   {{about: connect}}    what stands under `## connect` in about.md
 */
import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";

interface Language {
  readonly name: string;
  /** What Markdown calls it. */
  readonly fence: string;
}

export const readmes: Readonly<Record<string, Language>> = {
  typescript: { name: "TypeScript", fence: "ts" },
  python: { name: "Python", fence: "python" },
  go: { name: "Go", fence: "go" },
  java: { name: "Java", fence: "java" },
  rust: { name: "Rust", fence: "rust" },
};

/** The README of `clients/<folder>`. Throws where the text speaks of something that is not there. */
export function readmeOf(clients: string, folder: string): string {
  const language = readmes[folder];
  if (language === undefined) throw new Error(`no client is called ${folder}`);
  const home = join(clients, folder);
  const samples = readSamples(home);
  const about = partsOf(readFileSync(join(home, "about.md"), "utf8"));
  const fill: Record<string, (name: string) => string | undefined> = {
    about: (name) => about.get(name) ?? "",
    file: (name) => [...samples.keys()].find((path) => isSample(path, name)),
    section: (name) => fenced(language.fence, findSection(samples, name)),
  };
  const text = readFileSync(join(clients, "readme.md"), "utf8").replaceAll("{{name}}", language.name);
  const filled = (template: string): string =>
    template.replace(/\{\{(\w+): (\w+)\}\}/g, (slot, kind: string, name: string) => {
      const found = fill[kind]?.(name);
      if (found === undefined) throw new Error(`clients/${folder} has nothing for ${slot}`);
      // What is told about a language may show its samples.
      return kind === "about" ? filled(found) : found;
    });
  return filled(text)
    .replace(/\n{3,}/g, "\n\n")
    .trimEnd()
    .concat("\n");
}

/** Every source of the samples, by its path in the client's folder. */
function readSamples(home: string): Map<string, string> {
  const entries = readdirSync(join(home, "samples"), { recursive: true, withFileTypes: true });
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const sources = paths.filter((path) => /\.(ts|py|go|java|rs)$/.test(path) && !/[/\\](target|dist)[/\\]/.test(path));
  return new Map(sources.sort().map((path) => [relative(home, path), readFileSync(path, "utf8")]));
}

/** `samples/agent.ts`, `samples/agent/main.go` and `.../Agent.java` are all the sample `agent`. */
function isSample(path: string, name: string): boolean {
  return new RegExp(`[/\\\\]${name}(/main)?\\.\\w+$`, "i").test(path);
}

function findSection(samples: ReadonlyMap<string, string>, name: string): string | undefined {
  for (const source of samples.values()) {
    const lines = source.split("\n");
    const [first, last] = ["section", "end"].map((mark) => lines.findIndex((line) => isMark(line, mark, name)));
    if (first !== undefined && last !== undefined && first >= 0 && last > first) {
      return dedent(lines.slice(first + 1, last));
    }
  }
  return undefined;
}

function isMark(line: string, mark: string, name: string): boolean {
  return new RegExp(`^\\s*(//|#) ${mark}: ${name}$`).test(line);
}

function dedent(lines: readonly string[]): string {
  const depths = lines.filter((line) => line.trim() !== "").map((line) => /^\s*/.exec(line)?.[0].length ?? 0);
  const depth = Math.min(...depths);
  // Go indents with tabs, which are wide in a browser.
  const shown = lines.map((line) => line.slice(depth).replace(/^\t+/, (tabs) => "    ".repeat(tabs.length)));
  return shown.join("\n").trim();
}

function fenced(fence: string, code: string | undefined): string | undefined {
  return code && `\`\`\`${fence}\n${code}\n\`\`\``;
}

function partsOf(about: string): Map<string, string> {
  const parts = about.split(/^## (\w+)\n/m).slice(1);
  return new Map(parts.flatMap((name, index) => (index % 2 === 0 ? [[name, (parts[index + 1] ?? "").trim()]] : [])));
}
