/** A message as people read it, and as programs do. */
import type { Message } from "../../gen/ts/socketregistry/v1/socket_registry.js";
import { messageJson } from "./json.js";
import { indent, type Output } from "./output.js";

/** `header content`. Further lines are indented, so that content cannot pass for another message. */
export function messageLine({ header, content }: Message): string {
  return `${indent(`${header} ${content}`)}\n`;
}

export async function printMessages(
  output: Output,
  messages: readonly Message[],
  asJson: boolean | undefined,
): Promise<void> {
  if (asJson === true) await output.printJson(messages.map(messageJson));
  else await output.print(messages.map(messageLine).join(""));
}
