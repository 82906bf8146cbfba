/**
 * The languages that code is generated for, and how to tell which of them this machine can generate. TypeScript is
 * always there, by `npm ci`; for the others the plugins are installed by `clients/<language>/setup plugins`.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("..", import.meta.url));

export interface Language {
  /** As its folder is called, in gen/ and in clients/. */
  readonly folder: string;
  readonly name: string;
  /** What is generated, as a folder that holds nothing else. */
  readonly output: string;
  /** A file that is there when the plugins are. */
  readonly plugin: string;
}

export const languages: readonly Language[] = [
  { folder: "python", name: "Python", output: "gen/python", plugin: ".tools/python/bin/protoc-gen-mypy" },
  { folder: "go", name: "Go", output: "gen/go/v1", plugin: ".tools/go/bin/protoc-gen-go-grpc" },
  { folder: "java", name: "Java", output: "gen/java", plugin: ".tools/java/protoc-gen-grpc-java" },
  { folder: "rust", name: "Rust", output: "gen/rust", plugin: ".tools/rust/bin/protoc-gen-rust-client" },
];

/** Why a language is left out here. Absent when it is not. Throws when REQUIRE_CLIENTS does not allow that. */
export function missing({ folder, name, plugin }: Language): string | undefined {
  if (existsSync(join(root, plugin))) return undefined;
  const reason = `${name}: its plugins are not installed: run clients/${folder}/setup`;
  if (isRequired(folder)) throw new Error(`${reason} (REQUIRE_CLIENTS asks for it)`);
  return reason;
}

/** REQUIRE_CLIENTS is `all`, or folders separated by commas. Throws for a client that there is not. */
export function isRequired(folder: string): boolean {
  const required = (process.env["REQUIRE_CLIENTS"] ?? "").split(",").filter((part) => part !== "");
  const known = new Set(["all", "typescript", ...languages.map((language) => language.folder)]);
  for (const part of required) if (!known.has(part)) throw new Error(`REQUIRE_CLIENTS: there is no client for ${part}`);
  return required.includes("all") || required.includes(folder);
}
