/** The child's side of a program of the bench: it does what its parent asks, one message a command. */

/** What a program can be asked for, by name. Arguments and answers cross a process boundary, Buffers as they are. */
// biome-ignore lint/suspicious/noExplicitAny: a table of functions of every kind; `Program.call` gives each its types
export type Commands = Record<string, (...args: any[]) => unknown>;

export interface Ask {
  readonly id: number;
  readonly name: string;
  readonly args: readonly unknown[];
}

export interface Answer {
  readonly id: number;
  readonly value?: unknown;
  readonly error?: string;
}

/** Answers the parent's commands until the parent goes. */
export function answer(commands: Commands): void {
  const reply = async ({ id, name, args }: Ask): Promise<Answer> => {
    try {
      return { id, value: await commands[name]?.(...args) };
    } catch (error) {
      return { id, error: error instanceof Error ? (error.stack ?? error.message) : String(error) };
    }
  };
  process.on("message", (ask: Ask) => void reply(ask).then((message) => process.send?.(message)));
  process.on("disconnect", () => process.exit(0));
}

/** A module of the build: the bench measures what `npm start` runs. */
export async function built<Module>(path: string): Promise<Module> {
  return (await import(new URL(`../../dist/${path}`, import.meta.url).href)) as Module;
}

/** The CPU time of this process so far, all its threads together. */
export function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}
