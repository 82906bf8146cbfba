/** The packages of the clients: one version, one licence, and what they say of themselves is there. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { version } from "../src/version.js";
import { root } from "./support/process.js";
import { knownReasons } from "./support/reasons.js";

const read = (path: string) => readFileSync(join(root, path), "utf8");

/** Where a package says which version it is, and of Go's, which version of the generated module it wants. */
const manifests = {
  "clients/typescript/package.json": /"version": "([^"]+)"/,
  "clients/python/pyproject.toml": /^version = "([^"]+)"/m,
  "clients/go/go.mod": /clients\/go\/socketregistry v(\S+)/,
  "clients/java/pom.xml": /<artifactId>ai-socket-registry-client[^<]*<\/artifactId>\s*<version>([^<]+)</,
  "clients/rust/Cargo.toml": /^version = "([^"]+)"/m,
};

test.each(Object.entries(manifests))("%s has the server's version", (path, pattern) => {
  expect(pattern.exec(read(path))?.[1]).toBe(version);
});

test.each(["clients/typescript/src/errors.ts", "clients/python/src/socket_registry/errors.py", "clients/go/errors.go"])(
  "%s knows every reason that the server gives",
  (path) => {
    const reasons = knownReasons();
    const quoted = new Set([...read(path).matchAll(/"([A-Z]+(?:_[A-Z]+)*)"/g)].map((match) => match[1]));
    expect(reasons.length).toBeGreaterThan(20);
    expect(reasons.filter((reason) => !quoted.has(reason))).toEqual([]);
  },
);

test("every file that the clients' READMEs point to is there", () => {
  const folders = ["", "conformance", "typescript", "python", "go", "java", "rust"];
  const readmes = folders.map((folder) => join("clients", folder, "README.md"));
  const links = readmes.flatMap((path) =>
    [...read(path).matchAll(/\]\((?!http|#)([^)#]+)/g)].map((match) => join(path, "..", match[1] ?? "")),
  );
  expect(links.length).toBeGreaterThan(10);
  expect(links.filter((path) => !existsSync(join(root, path)))).toEqual([]);
});

test("what is written by hand is short: 300 lines in a library, 400 in samples, drivers and tests", () => {
  const faults = sources("clients").flatMap((path) => {
    const lines = read(path).trimEnd().split("\n").length;
    const linesMax = /\/(samples|conformance|tests?)\/|_test\.go$/.test(path) ? 400 : 300;
    return lines > linesMax ? [`${path}: ${lines} lines, at most ${linesMax}: split by noun`] : [];
  });
  expect(faults).toEqual([]);
});

function sources(folder: string): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return /^(dist|target|node_modules|\..*)$/.test(entry.name) ? [] : sources(path);
    return entry.isFile() && /\.(ts|py|go|java|rs)$/.test(entry.name) ? [path] : [];
  });
}
