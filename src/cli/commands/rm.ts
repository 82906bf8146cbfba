import { defineCommand } from "../command.js";
import { CallError, type ExitCode, UsageError } from "../failure.js";
import { describeDrop } from "./reset.js";

export const rm = defineCommand({
  name: "rm",
  parameters: ["SOCKET..."],
  summary: "Deletes sockets with their queues. Goes on after a refusal; the first one gives the exit code.",
  options: {
    "allow-missing": { type: "boolean", help: "it is no failure if there is no such socket" },
    etag: { type: "string", value: "ETAG", help: "only if the socket still has this etag" },
  },
  async run({ client, output }, values, socketIds) {
    const { etag = "", "allow-missing": allowMissing = false } = values;
    if (etag !== "" && socketIds.length > 1) throw new UsageError("--etag goes with one socket");
    let exitCode: ExitCode | undefined;
    for (const socketId of socketIds) {
      try {
        const { droppedCount } = await client.delete({ socketId, etag, allowMissing });
        if (droppedCount > 0) output.warn(describeDrop(socketId, droppedCount));
      } catch (error) {
        if (!(error instanceof CallError)) throw error;
        output.warn(error.describe());
        exitCode ??= error.exitCode;
        // Without a server there is no point in asking for the others.
        if (error.exitCode === 3) break;
      }
    }
    return exitCode;
  },
});
