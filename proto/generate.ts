/**
 * Writes what is generated from the .proto files:
 *
 *   gen/ts/                TypeScript for the whole of proto/, by ts-proto (options: proto/buf.gen*.yaml)
 *   gen/descriptors.binpb  a FileDescriptorSet for server reflection: what a client may call, with its
 *                          imports, but not the storage records, which are nobody's business outside
 *
 * Usage: tsx proto/generate.ts [folder to write into, default the repository]
 * Needs no network: every import is in proto/, in buf itself or in an installed package.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const outputFolder = resolve(process.argv[2] ?? root);

/** What reflection can describe: a folder of .proto files, and the parts of it that are public. */
const reflected = [
  { folder: "proto", paths: ["socketregistry/v1", "google/rpc"] },
  { folder: "node_modules/grpc-health-check/proto", paths: ["health"] },
  { folder: "node_modules/@grpc/reflection/build/proto", paths: ["grpc"] },
];

writeTypeScript();
writeDescriptors();

function writeTypeScript(): void {
  // Emptied first, so that the output of a deleted .proto file does not stay behind.
  rmSync(join(outputFolder, "gen/ts"), { recursive: true, force: true });
  const records = "proto/socketregistry/storage";
  buf("generate", "--template", "proto/buf.gen.yaml", "--exclude-path", records, "--output", outputFolder);
  buf("generate", "--template", "proto/buf.gen.storage.yaml", "--path", records, "--output", outputFolder);
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

function buf(...options: string[]): void {
  execFileSync(join(root, "node_modules/.bin/buf"), options, { cwd: root, stdio: "inherit" });
}
