import { defineCommand } from "../command.js";
import { engramOptions, lookAtEngram } from "../engram.js";
import { UsageError } from "../failure.js";
import { isEmpty, offerJson, offerText } from "../offer.js";

export const restore = defineCommand({
  name: "restore",
  parameters: [],
  summary: "Tells what a restore from an Engram would bring. It needs --dry-run, and no server.",
  notes: [
    "It is the server that restores, when it starts with --engram-url: into an empty data directory, or with",
    "--restore merge into any. This asks the Engram itself, and changes nothing but for one record: in the namespace",
    "NS.dry-run it is stored, read and deleted, since nothing else tells whether an Engram can hold a state.",
    "Messages are counted as they are stored: one to the whole team is one. It exits with 7 if there is nothing.",
  ].join("\n"),
  options: {
    "dry-run": { type: "boolean", help: "only look; it does nothing else" },
    ...engramOptions,
    json: { type: "boolean", help: "as one JSON object" },
  },
  async run({ output, timeoutMs, signal }, values) {
    if (values["dry-run"] !== true) throw new UsageError(howTo);
    const found = await lookAtEngram(values, { timeoutMs, signal });
    if (values.json === true) await output.printJson([offerJson(found)]);
    else await output.print(offerText(found));
    return isEmpty(found) ? 7 : 0;
  },
});

const howTo = [
  "restore only looks, with --dry-run. It is the server that restores, when it starts with --engram-url:",
  "with an empty data directory it restores everything, and with --restore merge also into one that is not empty",
].join("\n");
