/** Starts the programs of the bench as processes of their own, each on its core where the system can do that. */
import { spawn, spawnSync } from "node:child_process";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import type { Answer, Commands } from "./programs/answer.js";

/** The flags of `npm start`, for every process alike but for a stock server. */
const FLAGS = ["--max-semi-space-size=64"];

export const SERVER_CORE = 0;
export const LOAD_CORE = 1;

/** Whether processes are pinned to cores. */
export const isPinned = availableParallelism() > 1 && spawnSync("taskset", ["-V"]).status === 0;

/** What comes before a command to pin it to a core. */
export const pinTo = (core: number): string[] => (isPinned ? ["taskset", "-c", String(core)] : []);

export interface Program<C extends Commands> {
  call<Name extends keyof C & string>(name: Name, ...args: Parameters<C[Name]>): Promise<Awaited<ReturnType<C[Name]>>>;
  /** Ends it, without a chance to clean up. Resolves when it is gone. */
  close(): Promise<void>;
}

/** Starts `programs/<name>.ts`. A program that dies fails every call under way. */
export function startProgram<C extends Commands>(name: string, core: number, flags = FLAGS): Program<C> {
  const file = fileURLToPath(new URL(`programs/${name}.ts`, import.meta.url));
  const [command = "", ...args] = [...pinTo(core), process.execPath, ...flags, "--import", "tsx", file];
  const child = spawn(command, args, { stdio: ["ignore", "inherit", "inherit", "ipc"], serialization: "advanced" });
  const calls = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>();
  let count = 0;
  child.on("message", ({ id, value, error }: Answer) => {
    const call = calls.get(id);
    calls.delete(id);
    if (error === undefined) call?.resolve(value);
    else call?.reject(new Error(`${name}: ${error}`));
  });
  const gone = new Promise<void>((resolve) => {
    child.once("exit", (code, signal) => {
      for (const call of calls.values()) call.reject(new Error(`${name} ended with ${signal ?? code}`));
      resolve();
    });
  });
  return {
    call: (command, ...args) =>
      new Promise((resolve, reject) => {
        const id = ++count;
        calls.set(id, { resolve: resolve as (value: unknown) => void, reject });
        child.send({ id, name: command, args });
      }),
    async close() {
      child.kill("SIGKILL");
      await gone;
    },
  };
}
