/** The flame graph of the server while unary Writes keep it busy. */
import { basename } from "node:path";
import { closing, openLoad, openServer } from "./arena.js";
import { flameSvg, fold, sharesOf, topOf } from "./flame.js";
import { writeFile } from "./report.js";
import { measureWrites } from "./rows/write.js";

const CONCURRENCY = 64;
const WARM_UP_SECONDS = 3;
const SECONDS = 10;
const INTERVAL_US = 200;
const TOP = 25;

/** Writes the graph to a file. @returns what it says, in words */
export async function writeFlame(path: string, commit: string): Promise<string> {
  const [server, load] = [await openServer(), openLoad()];
  await load.call("createSockets", server.address, 1);
  await measureWrites(server, load, CONCURRENCY, WARM_UP_SECONDS);
  await server.program.call("startProfile", INTERVAL_US);
  const { value } = await measureWrites(server, load, CONCURRENCY, SECONDS);
  const root = fold(await server.program.call("stopProfile"));
  await closing(server, load)();
  const title = `${CONCURRENCY} unary writes in flight, fsync, node ${process.version}, commit ${commit}: the event loop's time`;
  writeFile(path, flameSvg(root, title));
  const percent = ([name, share]: [string, number]): string => `${(100 * share).toFixed(1).padStart(5)} %  ${name}`;
  return [
    `${Math.round(value).toLocaleString("en")} writes/s under the profiler; ${basename(path)} shows where the time goes:`,
    ...sharesOf(root).map(percent),
    "",
    "The functions that take most themselves:",
    ...topOf(root, TOP).map(percent),
  ].join("\n");
}
