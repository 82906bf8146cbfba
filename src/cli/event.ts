/** An event of a Read as people read it. */
import { GapReason, ReadEvent, type ReadResponse } from "../../gen/ts/socketregistry/v1/socket_registry.js";
import { enumName } from "./json.js";

/** `GAP dropped 3 (OVERFLOW), position 01J8:120`: the event, and of the rest what says something. */
export function describeEvent(frame: ReadResponse): string {
  const { position, droppedCount, backlogCount, gapReason } = frame;
  const event = enumName(ReadEvent, frame.event).replace("READ_EVENT_", "");
  const reason = enumName(GapReason, gapReason).replace("GAP_REASON_", "");
  const why = gapReason === GapReason.GAP_REASON_UNSPECIFIED ? "" : ` (${reason})`;
  const facts = [
    ...(droppedCount > 0n ? [`dropped ${droppedCount}${why}`] : []),
    ...(position ? [`position ${position.epoch}:${position.sequence}`] : []),
    ...(backlogCount > 0 ? [`${backlogCount} waiting`] : []),
  ];
  return `${event} ${facts.join(", ")}`.trimEnd();
}

/** Whether messages were lost or taken away, which is said even to those who did not ask for events. */
export function isLoss({ event }: ReadResponse): boolean {
  return event === ReadEvent.READ_EVENT_GAP || event === ReadEvent.READ_EVENT_RESET;
}
