/**
 * `npm run check`: everything that can be said about the code without running it. Every part is
 * announced and all are run, so that one run names every fault.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readmes } from "../clients/readme.js";
import { isRequired, languages, missing, root } from "./languages.js";

/** A part says whether it passed; what it found is already printed. */
const parts: Record<string, () => boolean> = {
  "format and lint": () => run("biome", "check", "--error-on-warnings"),
  "types of src": () => run("tsc", "--noEmit"),
  "types of test, bench, examples": () => run("tsc", "--project", "test/tsconfig.json"),
  "proto: lint": () => run("buf", "lint"),
  "proto: breaking changes": checkBreaking,
  "what is generated is up to date": checkGenerated,
  "types and lint of clients": checkClients,
};

/** How `clients/<language>/setup` and `check` end where something they need is not installed. */
const exitCodeMissing = 69;

const failed: string[] = [];
for (const [name, part] of Object.entries(parts)) {
  console.log(`-- ${name}`);
  const start = performance.now();
  const passed = part();
  const seconds = ((performance.now() - start) / 1_000).toFixed(1);
  console.log(`   ${passed ? "ok" : "FAILED"}, ${seconds} s`);
  if (!passed) failed.push(name);
}
console.log(failed.length === 0 ? "check passed" : `check failed: ${failed.join("; ")}`);
process.exitCode = failed.length === 0 ? 0 : 1;

function run(tool: string, ...options: string[]): boolean {
  const path = join(root, "node_modules/.bin", tool);
  return spawnSync(path, options, { cwd: root, stdio: "inherit" }).status === 0;
}

/** Compares proto/ with the last landed commit: where this branch left main, or the one before. */
function checkBreaking(): boolean {
  const head = git("rev-parse", "HEAD");
  const fork = git("merge-base", "HEAD", "origin/main");
  const base = fork && fork !== head ? fork : git("rev-parse", "--verify", "HEAD~1");
  if (!base) return skip("there is no earlier commit to compare with");
  const earlier = git("ls-tree", "-r", "--name-only", base, "buf.yaml", "proto/")?.split("\n") ?? [];
  if (!earlier.includes("buf.yaml") || !earlier.some((path) => path.endsWith(".proto"))) {
    return skip(`commit ${base.slice(0, 8)} has no .proto files`);
  }
  console.log(`   compared with commit ${base.slice(0, 8)}`);
  return run("buf", "breaking", "--against", `.git#ref=${base}`);
}

function skip(reason: string): boolean {
  console.log(`   nothing compared: ${reason}`);
  return true;
}

/** What git prints, or nothing where it fails (no repository, no such commit). */
function git(...options: string[]): string | undefined {
  const result = spawnSync("git", options, { cwd: root, encoding: "utf8" });
  return result.status === 0 ? result.stdout.trim() : undefined;
}

/** Generates once more, elsewhere, and compares file by file. */
function checkGenerated(): boolean {
  const temporary = mkdtempSync(join(tmpdir(), "generated-"));
  try {
    const script = join(root, "proto/generate.ts");
    execFileSync(join(root, "node_modules/.bin/tsx"), [script, temporary], { stdio: "inherit" });
    const paths = new Set([root, temporary].flatMap(generatedFiles));
    const different = [...paths].sort().filter((path) => !sameFile(path, temporary));
    for (const path of different) console.log(`   ${path} differs: run "npm run generate"`);
    return different.length === 0;
  } catch (error) {
    console.log(`   ${String(error)}`);
    return false;
  } finally {
    rmSync(temporary, { recursive: true });
  }
}

/** The files that proto/generate.ts answers for, as paths from the repository's top. */
function generatedFiles(top: string): string[] {
  const generated = languages.filter((language) => missing(language) === undefined);
  const folders = ["gen/ts", ...generated.map(({ output }) => output)].filter((path) => existsSync(join(top, path)));
  const found = folders.flatMap((path) => readdirSync(join(top, path), { recursive: true, withFileTypes: true }));
  const files = found.filter((entry) => entry.isFile() && !entry.parentPath.includes("__pycache__"));
  const paths = files.map((file) => join(file.parentPath, file.name).slice(join(top, "/").length));
  const readmePaths = Object.keys(readmes).map((folder) => `clients/${folder}/README.md`);
  return [...paths, ...readmePaths, "gen/descriptors.binpb"];
}

/** Each client has a script that knows its language's strictest reading. What is not set up is named and left out. */
function checkClients(): boolean {
  const folders = ["typescript", ...languages.map(({ folder }) => folder)];
  return folders.map(checkClient).every((passed) => passed);
}

function checkClient(folder: string): boolean {
  const { status } = spawnSync(join(root, "clients", folder, "check"), { cwd: root, stdio: "inherit" });
  if (status === exitCodeMissing && !isRequired(folder)) return skip(`clients/${folder} is not set up`);
  if (status !== 0) console.log(`   clients/${folder}/check ended with exit code ${status}`);
  return status === 0;
}

function sameFile(path: string, otherTop: string): boolean {
  const [here, there] = [join(root, path), join(otherTop, path)];
  return existsSync(here) && existsSync(there) && readFileSync(here).equals(readFileSync(there));
}
