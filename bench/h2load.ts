/** h2load of Debian's nghttp2-client: a native load that costs far less than any client in Node. */
import { spawn, spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { removeFolder, tempFolder } from "./arena.js";
import { type Method, pathOf } from "./messages.js";
import { LOAD_CORE, pinTo } from "./program.js";

export const hasH2load = spawnSync("h2load", ["--version"]).status === 0;

/** The same call again and again, `concurrency` at a time on one connection, for so many seconds. */
export async function runH2load(address: string, method: Method, call: Buffer, concurrency: number, seconds: number) {
  const folder = tempFolder();
  const body = join(folder, "body");
  writeFileSync(body, call);
  try {
    const load = ["h2load", "-D", `${seconds * 1_000}ms`, "-c", "1", "-t", "1", "-m", String(concurrency), "-d", body];
    const headers = ["-H", "content-type: application/grpc", "-H", "te: trailers"];
    const output = await run([...pinTo(LOAD_CORE), ...load, ...headers, `http://${address}${pathOf(method)}`]);
    const calls = /(\d+) 2xx/.exec(output)?.[1];
    const perSecond = /([\d.]+) req\/s/.exec(output)?.[1];
    const mean = /time for request:\s+\S+\s+\S+\s+([\d.]+)(us|ms|s)/.exec(output);
    if (calls === undefined || perSecond === undefined) throw new Error(`h2load said:\n${output}`);
    const unit = { us: 0.001, ms: 1, s: 1_000 }[mean?.[2] ?? ""] ?? Number.NaN;
    return { calls: Number(calls), perSecond: Number(perSecond), meanMs: Number(mean?.[1]) * unit };
  } finally {
    removeFolder(folder);
  }
}

function run([command = "", ...args]: string[]): Promise<string> {
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "inherit"] });
  let output = "";
  child.stdout.on("data", (chunk: Buffer) => {
    output += chunk;
  });
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) =>
      code === 0 ? resolve(output) : reject(new Error(`${command} ended with ${code}:\n${output}`)),
    );
  });
}
