/** How the replica of the registry is doing, as people read it. */
import { type Replication, ReplicationState } from "../../gen/ts/socketregistry/v1/socket_registry.js";
import { enumName } from "./json.js";
import { pairs } from "./output.js";
import { timeText } from "./socket.js";

/** Whether there is no replica. A server that tells nothing has none. */
export function isOff({ state }: Replication): boolean {
  const { REPLICATION_STATE_OFF, REPLICATION_STATE_UNSPECIFIED } = ReplicationState;
  return state === REPLICATION_STATE_OFF || state === REPLICATION_STATE_UNSPECIFIED;
}

/** Everything that is known of it. */
export function replicationText(replication: Replication): string {
  const { target, dialect, lastSuccessTime, lastError } = replication;
  const entries: [string, string][] = [
    ["state", stateWord(replication)],
    ["target", target],
    ["dialect", dialect],
    ["behind", isOff(replication) ? "" : lagText(replication)],
    ["last success", timeText(lastSuccessTime)],
    ["last error", lastError],
  ];
  return pairs(entries.filter(([, text]) => text !== ""));
}

/** The same in a line, and in a second one what went wrong last. */
export function replicationLine(replication: Replication): string {
  const { target, dialect, lastError } = replication;
  if (isOff(replication)) return stateWord(replication);
  const who = dialect === "" ? target : `${target} (${dialect})`;
  return [`${stateWord(replication)}: ${who}, ${lagText(replication)} behind`, lastError].join("\n").trimEnd();
}

function stateWord(replication: Replication): string {
  if (isOff(replication)) return "off";
  return enumName(ReplicationState, replication.state).replace("REPLICATION_STATE_", "").toLowerCase();
}

function lagText({ lagEntries, lagSeconds }: Replication): string {
  return `${lagEntries} ${lagEntries === 1n ? "entry" : "entries"} and ${Math.round(lagSeconds * 10) / 10} s`;
}
