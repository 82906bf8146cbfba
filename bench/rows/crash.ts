/** What the crash of a client costs: how many messages nobody will ever work on, EXPLICIT beside AUTO. */
import { LOAD_CORE, SERVER_CORE, startProgram } from "../program.js";
import type { ServerCommands } from "../programs/server.js";
import type { WorkerCommands } from "../programs/worker.js";
import { type Row, removeFolder, type Sample, tempFolder } from "../row.js";

const BACKLOG = 10_000;
const WORK_MS = 100;
/** The client is killed in the midst of the message after so many. */
const DONE = 10;
/** A delivery of a killed client comes back after this. It is shorter than the default only to save time. */
const GRACE_MS = 200;

const sizes = [
  { bytes: 200, name: "200 B" },
  { bytes: 1_024, name: "1 KiB" },
  { bytes: 4_096, name: "4 KiB" },
];

export const crashRows: Row[] = sizes.map(({ bytes, name }) => ({
  name: `crash of a client, lost of ${BACKLOG.toLocaleString("en")} of ${name}, EXPLICIT`,
  unit: "messages",
  beside: "the same in AUTO",
  bar: "0",
  async prepare() {
    const folder = tempFolder();
    const server = startProgram<ServerCommands>("server", SERVER_CORE);
    const address = await server.call("start", { dataDir: folder, returnGraceMs: GRACE_MS });
    const survivor = startProgram<WorkerCommands>("worker", LOAD_CORE);
    let rounds = 0;
    const crash = async (isExplicit: boolean): Promise<Sample> => {
      const socketId = `crash-${rounds++}`;
      await survivor.call("fill", address, socketId, BACKLOG, bytes);
      const victim = startProgram<WorkerCommands>("worker", LOAD_CORE);
      const done = await victim.call("work", address, socketId, isExplicit, WORK_MS, DONE);
      await victim.stop();
      const rest = await survivor.call("rest", address, socketId);
      const worked = new Set([...done, ...rest]);
      return { value: BACKLOG - worked.size, details: { twice: done.length + rest.length - worked.size } };
    };
    return {
      ours: () => crash(true),
      ceiling: () => crash(false),
      async close() {
        await Promise.all([server.stop(), survivor.stop()]);
        removeFolder(folder);
      },
    };
  },
}));
