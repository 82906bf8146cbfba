/**
 * Writes what is generated from the .proto files:
 *
 *   gen/ts/                       TypeScript for the whole of proto/, by ts-proto (options: proto/buf.gen*.yaml)
 *   gen/{python,go,java,rust}/    the client stubs of the other languages, each where its plugins are installed
 *   gen/descriptors.binpb         a FileDescriptorSet for server reflection: what a client may call, with its
 *                                 imports, but not the storage records, which are nobody's business outside
 *   clients/<language>/README.md  one text with the samples of the language in it (clients/readme.ts)
 *
 * Usage: tsx proto/generate.ts [folder to write into, default the repository]
 * Needs no network: every import is in proto/, in buf itself or in an installed package.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { readmeOf, readmes } from "../clients/readme.js";
import { languages, missing, root } from "./languages.js";

const outputFolder = resolve(process.argv[2] ?? root);

/** What reflection can describe: a folder of .proto files, and the parts of it that are public. */
const reflected = [
  { folder: "proto", paths: ["socketregistry/v1", "google/rpc"] },
  { folder: "node_modules/grpc-health-check/proto", paths: ["health"] },
  { folder: "node_modules/@grpc/reflection/build/proto", paths: ["grpc"] },
];

writeTypeScript();
writeStubs();
writeDescriptors();
writeReadmes();

function writeTypeScript(): void {
  empty("gen/ts");
  const records = "proto/socketregistry/storage";
  buf("generate", "--template", "proto/buf.gen.yaml", "--exclude-path", records, "--output", outputFolder);
  buf("generate", "--template", "proto/buf.gen.storage.yaml", "--path", records, "--output", outputFolder);
}

/** The other languages get the service alone: they have packages of their own for google.rpc. */
function writeStubs(): void {
  for (const language of languages) {
    const reason = missing(language);
    if (reason !== undefined) {
      console.log(`   left out: ${reason}`);
      continue;
    }
    empty(language.output);
    const template = `proto/buf.gen.${language.folder}.yaml`;
    buf("generate", "--template", template, "--path", "proto/socketregistry/v1", "--output", outputFolder);
  }
}

function writeDescriptors(): void {
  const temporary = mkdtempSync(join(tmpdir(), "descriptors-"));
  try {
    // Joining protobuf messages byte by byte joins their repeated fields: one set out of three.
    const sets = reflected.map(({ folder, paths }, index) => {
      const file = join(temporary, `${index}.binpb`);
      const pathOptions = paths.flatMap((path) => ["--path", join(folder, path)]);
      const format = ["--as-file-descriptor-set", "--exclude-source-info"];
      buf("build", folder, ...pathOptions, ...format, "--output", file);
      return readFileSync(file);
    });
    mkdirSync(join(outputFolder, "gen"), { recursive: true });
    writeFileSync(join(outputFolder, "gen/descriptors.binpb"), Buffer.concat(sets));
  } finally {
    rmSync(temporary, { recursive: true });
  }
}

function writeReadmes(): void {
  for (const folder of Object.keys(readmes)) {
    mkdirSync(join(outputFolder, "clients", folder), { recursive: true });
    writeFileSync(join(outputFolder, "clients", folder, "README.md"), readmeOf(join(root, "clients"), folder));
  }
}

/** So that the output of a deleted .proto file does not stay behind. */
function empty(folder: string): void {
  rmSync(join(outputFolder, folder), { recursive: true, force: true });
}

function buf(...options: string[]): void {
  execFileSync(join(root, "node_modules/.bin/buf"), options, { cwd: root, stdio: "inherit" });
}
