/** What the crash of a client costs: how many messages nobody will ever work on, EXPLICIT beside AUTO. */
import { closing, openServer } from "../arena.js";
import { LOAD_CORE, startProgram } from "../program.js";
import type { WorkerCommands } from "../programs/worker.js";
import { type Open, OURS, type Row } from "../row.js";

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
  figures: [{ unit: "messages", bars: { [OURS]: { gate: 0, goal: 0 } } }],
  ours: openCrash(bytes, true),
  others: [{ name: "the same in AUTO", open: openCrash(bytes, false) }],
}));

function openCrash(bytes: number, isExplicit: boolean): Open {
  return async () => {
    const server = await openServer({ returnGraceMs: GRACE_MS });
    const { address } = server;
    const survivor = startProgram<WorkerCommands>("worker", LOAD_CORE);
    let rounds = 0;
    return {
      async measure() {
        const socketId = `crash-${rounds++}`;
        await survivor.call("fill", address, socketId, BACKLOG, bytes);
        const victim = startProgram<WorkerCommands>("worker", LOAD_CORE);
        const done = await victim.call("work", address, socketId, isExplicit, WORK_MS, DONE);
        await victim.close();
        const rest = await survivor.call("rest", address, socketId);
        const worked = new Set([...done, ...rest]);
        return { value: BACKLOG - worked.size, details: { twice: done.length + rest.length - worked.size } };
      },
      close: closing(server, survivor),
    };
  };
}
