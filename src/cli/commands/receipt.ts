import {
  type Message,
  MessageState,
  type Receipt,
  SkipReason,
} from "../../../gen/ts/socketregistry/v1/socket_registry.js";
import type { RegistryClient } from "../client.js";
import { defineCommand } from "../command.js";
import { enumName, messageAndReceiptsJson } from "../json.js";
import { messageLine } from "../message.js";
import { table } from "../output.js";
import { timeText } from "../socket.js";

const pageSize = 1_000;

export const receipt = defineCommand({
  name: "receipt",
  parameters: ["MESSAGE_ID"],
  summary: "Tells what became of a message: prints it, and a line for each recipient.",
  options: {
    json: { type: "boolean", help: "as one JSON object" },
  },
  async run({ client, output }, values, [messageId = ""]) {
    const { message, receipts } = await allReceipts(client, messageId);
    if (values.json === true) await output.printJson([messageAndReceiptsJson(message, receipts)]);
    else await output.print(`${message ? messageLine(message) : ""}${receiptTable(receipts)}`);
    return undefined;
  },
});

async function allReceipts(
  client: RegistryClient,
  messageId: string,
): Promise<{ message: Message | undefined; receipts: Receipt[] }> {
  const receipts: Receipt[] = [];
  let pageToken = "";
  for (;;) {
    const page = await client.getMessage({ messageId, pageSize, pageToken });
    receipts.push(...page.receipts);
    pageToken = page.nextPageToken;
    if (pageToken === "") return { message: page.message, receipts };
  }
}

function receiptTable(receipts: readonly Receipt[]): string {
  const rows = receipts.map((receipt) => [
    receipt.socketId,
    stateText(receipt),
    textUnlessZero(receipt.sequence),
    textUnlessZero(receipt.deliveryAttempt),
    timeText(receipt.deliveredTime),
    timeText(receipt.settledTime),
  ]);
  return table(["RECIPIENT", "STATE", "SEQUENCE", "ATTEMPT", "DELIVERED", "DONE"], rows);
}

function stateText({ state, skipReason }: Receipt): string {
  const word = enumName(MessageState, state).replace("MESSAGE_STATE_", "");
  if (skipReason === SkipReason.SKIP_REASON_UNSPECIFIED) return word;
  return `${word} (${enumName(SkipReason, skipReason).replace("SKIP_REASON_", "")})`;
}

function textUnlessZero(value: number | bigint): string {
  return value > 0 ? String(value) : "";
}
