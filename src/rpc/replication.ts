import { type Replication, ReplicationState } from "../../gen/ts/socketregistry/v1/socket_registry.js";
import type { ReplicationStatus } from "../registry/storage.js";
import { toDate } from "./times.js";

const states = {
  OFF: ReplicationState.REPLICATION_STATE_OFF,
  CONNECTING: ReplicationState.REPLICATION_STATE_CONNECTING,
  REPLICATING: ReplicationState.REPLICATION_STATE_REPLICATING,
  LAGGING: ReplicationState.REPLICATION_STATE_LAGGING,
  INCOMPATIBLE: ReplicationState.REPLICATION_STATE_INCOMPATIBLE,
};

/** How the replica does, on the wire. */
export function toReplication(status: ReplicationStatus): Replication {
  const { target, dialect, state, lagEntries, lagSeconds, lastSuccessMs, lastError } = status;
  return {
    ...{ target, dialect, state: states[state], lagEntries: BigInt(lagEntries), lagSeconds, lastError },
    lastSuccessTime: lastSuccessMs === undefined ? undefined : toDate(lastSuccessMs),
  };
}
