/**
 * The way of a newcomer: the commands with which each client's README begins, run as they stand in an empty folder. They
 * end with two agents that answer a question. What they took is printed.
 */
import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import { type Service, startService } from "./support/client.js";
import { describeLanguages } from "./support/clients-languages.js";
import { root } from "./support/process.js";
import { tempDir } from "./support/temp-dir.js";

const minute = 60_000;
const agents = ["apollo", "athena"];

describeLanguages(({ name }) => {
  test(
    "the README's commands lead from an empty folder to two agents talking",
    async () => {
      // The commands begin with a registry that runs, so its clone has been built.
      expect(existsSync(join(root, "dist/src/cli/main.js")), "npm run build was not run").toBe(true);
      const service = await startService();
      const commands = commandsOf(name.toLowerCase());
      const start = performance.now();
      const shell = startShell(service.server.address);
      shell.type(...commands.slice(0, -1));
      // A person sees that both are there before asking.
      await Promise.race([readersOf(service), shell.end]);
      shell.type(commands.at(-1) ?? "", "exit");
      await shell.end;
      const seconds = ((performance.now() - start) / 1_000).toFixed(0);
      console.log(`${name}: ${commands.length} commands and ${seconds} s from an empty folder to two agents talking`);
      for (const id of agents) expect(shell.printed()).toContain(`[team-chat-from-${id}] ${id} read: Who is there?`);
    },
    15 * minute,
  );
});

/** The lines of the block that the README begins with. */
function commandsOf(folder: string): string[] {
  const readme = readFileSync(join(root, "clients", folder, "README.md"), "utf8");
  const part = readme.slice(readme.indexOf("## From an empty folder"));
  const block = /```sh\n([\s\S]*?)```/.exec(part)?.[1] ?? expect.unreachable("the README has no commands");
  return block.trim().split("\n");
}

/** A shell in an empty folder, into which commands are typed. It stops at the first that fails. */
function startShell(address: string) {
  const child = spawn("bash", ["-e"], {
    cwd: tempDir(),
    env: { ...environment(), REGISTRY: root, SOCKET_REGISTRY_ADDRESS: address },
    // A group of its own, so that the agents end with it.
    detached: true,
  });
  onTestFinished(() => {
    try {
      process.kill(-(child.pid ?? Number.NaN), "SIGKILL");
    } catch {
      // Nobody of the group is left.
    }
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
  }
  const end = new Promise<void>((resolve, reject) => {
    child.on("exit", (code) => (code === 0 ? resolve() : reject(new Error(`it ended with ${code}:\n${output}`))));
  });
  // Whoever awaits it later is told as well.
  end.catch(() => {});
  return {
    type: (...lines: string[]) => void child.stdin.write(`${lines.join("\n")}\n`),
    end,
    printed: () => output,
  };
}

/** Ours, without what `npm test` adds to it for its own package. */
function environment(): NodeJS.ProcessEnv {
  const foreign = /^(npm_(config_local_prefix|package|lifecycle|command|execpath)|INIT_CWD)/;
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !foreign.test(name)));
}

/** Resolves when every agent reads. */
async function readersOf(service: Service): Promise<void> {
  const isReading = async (id: string) => expect((await service.socket(id)).readerCount).toBe(1);
  await vi.waitFor(() => Promise.all(agents.map(isReading)), { timeout: 14 * minute, interval: 100 });
}
