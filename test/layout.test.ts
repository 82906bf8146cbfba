/**
 * The shape of the code, checked: which part may import which, how long a file may be, and which
 * calls have a better way here. Every fault is listed as file:line with what to do instead.
 *
 * The sources are read as text, without their comments and strings; there is no parser behind it.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, posix } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const root = fileURLToPath(new URL("..", import.meta.url));

/** The parts of src, most special first, and what each may import besides itself. */
const parts = [
  {
    name: "main",
    files: /^src\/(main|program)\.ts$/,
    mayImport: [/^src\/[\w-]+\.ts$/],
    packages: [/^node:/],
  },
  {
    name: "server",
    files: /^src\/server\.ts$/,
    mayImport: [/^src\/[\w-]+\.ts$/, /^src\/(registry|rpc|storage|replication)\//],
    packages: [/^node:/, /^@grpc\//, /^grpc-health-check$/],
  },
  {
    name: "log",
    files: /^src\/log\.ts$/,
    mayImport: [/^src\/config\.ts$/],
    packages: [/^node:/, /^pino/],
  },
  {
    name: "the other files at the top of src",
    files: /^src\/(?!main\.|program\.|server\.)[\w-]+\.ts$/,
    mayImport: [/^src\/registry\//, /^package\.json$/],
    packages: [/^node:/],
  },
  {
    name: "registry",
    files: /^src\/registry\//,
    mayImport: [],
    packages: [/^node:/],
  },
  {
    name: "rpc",
    files: /^src\/rpc\//,
    mayImport: [/^src\/registry\//, /^src\/varint\.ts$/, /^gen\/ts\//],
    packages: [/^node:/, /^@grpc\//, /^grpc-health-check$/, /^@bufbuild\/protobuf/],
  },
  {
    name: "storage",
    files: /^src\/storage\//,
    mayImport: [/^src\/registry\//, /^src\/varint\.ts$/, /^gen\/ts\/(socketregistry\/storage|google\/protobuf)\//],
    packages: [/^node:/, /^(classic-|abstract-)?level$/, /^@bufbuild\/protobuf/],
  },
  {
    name: "replication",
    files: /^src\/replication\//,
    mayImport: [/^src\/registry\//, /^gen\/ts\/(socketregistry\/v1|google\/protobuf)\//],
    packages: [/^node:/],
  },
  {
    name: "engram",
    files: /^src\/engram\//,
    mayImport: [/^src\/(listen|log|program|settings)\.ts$/],
    packages: [/^node:/, /^level$/, /^fastify$/],
  },
  {
    name: "cli",
    // For `restore --dry-run` it is a client of Engram too, and still knows nothing of the server.
    files: /^src\/cli\//,
    mayImport: [/^gen\/ts\//, /^src\/replication\/(detect|dialect|offer|peer|peer-error)\.ts$/],
    packages: [/^node:/, /^@grpc\/grpc-js$/],
  },
];

/** A pattern that has no place in `where`, except in the files of `home`; and what to do instead. */
interface Ban {
  pattern: RegExp;
  where: RegExp;
  home?: RegExp;
  instead: string;
}

const bans: Ban[] = [
  {
    pattern: /\bconsole\s*\./g,
    where: /^src\//,
    home: /^src\/(log\.ts$|cli\/)/,
    instead: "use the log that server.ts passes in",
  },
  {
    pattern: /(?<![.\w])process\s*\.|\bglobalThis\.process\b/g,
    where: /^src\//,
    home: /^src\/(program\.ts$|cli\/)/,
    instead: "let program.ts read it and pass the value in (for time: performance.now())",
  },
  {
    pattern: /\bAbortSignal\s*\.\s*any\b/g,
    where: /^(src|test|bench|examples)\//,
    instead: "keep a Set of AbortControllers, one per call: AbortSignal.any leaks on Node 20",
  },
  {
    pattern: /\.(on|once|addListener|prependListener)\s*\(|(?<![.\w])once\s*\(|\bEventEmitter\b/g,
    where: /^src\//,
    home: /^src\/(rpc\/calls\.ts$|storage\/level[\w-]*\.ts$|program\.ts$|engram\/door\.ts$|cli\/)/,
    instead: "use an async function or generator with an AbortSignal; grpc-js events: rpc/calls.ts",
  },
  {
    pattern: /\bnew\s+Promise\b[^;]{0,80}?\bsetTimeout\s*\(|\bsetTimeout\s*\(\s*(resolve|done)\b/g,
    where: /^test\//,
    home: /^test\/support\//,
    instead: "await the moment itself: a deferred, vi.waitFor, or a helper of test/support",
  },
];

/** Ways around the type checker, counted over all of src. */
const castPattern = /\bas\s+(any|never)\b|\bas\s+unknown\s+as\b|<any>|:\s*any\b/g;
const castsMax = 8;

/** A comment, a string, a template or a regular expression (where one can begin). */
const opaque =
  /\/\*[\s\S]*?\*\/|\/\/[^\n]*|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\[\s\S]|[^`\\])*`|(?<=[(,=:[!&|?{};\n]\s*)\/(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n[])+\//g;

const files = ["src", "test", "bench", "examples", "proto"].flatMap(listSources);

test("every part imports only what it may", () => {
  const faults = files
    .filter(({ path }) => path.startsWith("src/"))
    .flatMap((file) => importsOf(file).flatMap((found) => importFault(file.path, found)));
  expect(faults, report(faults)).toEqual([]);
});

test("files are short: 300 lines in src, 400 in test and bench", () => {
  const faults = files.flatMap(({ path, text }) => {
    const lines = text.trimEnd().split("\n").length;
    const linesMax = path.startsWith("src/") ? 300 : 400;
    return lines > linesMax ? [`${path}:${lines}: at most ${linesMax} lines: split by noun`] : [];
  });
  expect(faults, report(faults)).toEqual([]);
});

test("calls with a better way here are not used", () => {
  const faults = bans.flatMap(({ pattern, where, home, instead }) =>
    files
      .filter(({ path }) => where.test(path) && !home?.test(path))
      .flatMap(({ path, code }) =>
        matches(code, pattern).map(({ line, match }) => `${path}:${line}: ${match} -> ${instead}`),
      ),
  );
  for (const file of files) {
    for (const { line, name } of importsOf(file)) {
      if (/^src\/(?!program\.ts|cli\/)/.test(file.path) && name === "node:process") {
        faults.push(`${file.path}:${line}: ${name} -> let program.ts read it and pass the value in`);
      }
      if (/^test\/(?!support\/)/.test(file.path) && name === "node:timers/promises") {
        faults.push(`${file.path}:${line}: ${name} -> await the moment itself, not a time`);
      }
    }
  }
  expect(faults, report(faults)).toEqual([]);
});

test("nothing is left to do in a comment", () => {
  // Spelled in two halves, so that this line does not find itself.
  const pattern = new RegExp(`\\b(${"TO"}DO|${"FIX"}ME|${"X"}XX)\\b`, "g");
  const faults = files.flatMap(({ path, text }) =>
    matches(text, pattern).map(({ line }) => `${path}:${line}: finish it, or open an issue`),
  );
  expect(faults, report(faults)).toEqual([]);
});

test("casts past the type checker are rare", () => {
  const found = files
    .filter(({ path }) => path.startsWith("src/"))
    .flatMap(({ path, code }) =>
      matches(code, castPattern).map(({ line, match }) => `${path}:${line}: ${match} -> a type, a guard or satisfies`),
    );
  expect(found.length, report(found)).toBeLessThanOrEqual(castsMax);
});

interface Source {
  /** From the repository's top, with forward slashes. */
  path: string;
  text: string;
  /** The text with comments and the insides of strings blanked; lines and columns stay. */
  code: string;
}

function listSources(folder: string): Source[] {
  if (!existsSync(join(root, folder))) return [];
  return readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
    .map((name) => posix.join(folder, name.replaceAll("\\", "/")))
    .filter((path) => path.endsWith(".ts") && !path.includes("node_modules/"))
    .sort()
    .map((path) => {
      const text = readFileSync(join(root, path), "utf8");
      return { path, text, code: blank(text) };
    });
}

function blank(text: string): string {
  return text.replace(opaque, (found) => found.replace(/[^\n]/g, " "));
}

interface Import {
  line: number;
  name: string;
}

/** Static imports, re-exports and import() calls. They are looked up in the text, as names are strings. */
function importsOf({ text, code }: Source): Import[] {
  const keyword = /\bfrom\b|\bimport\b(?:\s*\()?/g;
  return matches(code, keyword).flatMap(({ line, end }) => {
    const name = /^\s*["']([^"'\n]+)["']/.exec(text.slice(end))?.[1];
    return name === undefined ? [] : [{ line, name }];
  });
}

function importFault(path: string, { line, name }: Import): string[] {
  const part = parts.find(({ files }) => files.test(path));
  if (part === undefined) return [`${path}:${line}: no part of src has this folder`];
  if (!name.startsWith(".")) {
    if (part.packages.some((allowed) => allowed.test(name))) return [];
    return [`${path}:${line}: ${part.name} may not import the package ${name}`];
  }
  const target = posix.join(posix.dirname(path), name).replace(/\.js$/, ".ts");
  if (part.files.test(target) || part.mayImport.some((allowed) => allowed.test(target))) return [];
  return [`${path}:${line}: ${part.name} may not import ${target}: see its row in test/layout.test.ts`];
}

function matches(text: string, pattern: RegExp) {
  return [...text.matchAll(pattern)].map((found) => ({
    line: text.slice(0, found.index).split("\n").length,
    match: found[0].replace(/\s+/g, " "),
    end: found.index + found[0].length,
  }));
}

function report(faults: string[]): string {
  return `\n${faults.join("\n")}\n`;
}
