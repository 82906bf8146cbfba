/** Every row of the table, in its order. */
import type { Row } from "./row.js";
import { agedRows } from "./rows/aged.js";
import { broadcastRows } from "./rows/broadcast.js";
import { crashRows } from "./rows/crash.js";
import { drainRows } from "./rows/drain.js";
import { explicitRows } from "./rows/explicit.js";
import { latencyRows } from "./rows/latency.js";
import { leaseRows } from "./rows/leases.js";
import { liveBroadcastRows } from "./rows/live.js";
import { replicationRows } from "./rows/replication.js";
import { storeRows } from "./rows/store.js";
import { streamRows } from "./rows/stream.js";
import { watcherRows } from "./rows/watchers.js";
import { writeRows } from "./rows/write.js";

const messageRows = [...writeRows, ...streamRows, ...drainRows, ...explicitRows, ...latencyRows];
const crowdRows = [...broadcastRows, ...liveBroadcastRows, ...watcherRows, ...leaseRows];
const lastingRows = [...storeRows, ...agedRows, ...crashRows, ...replicationRows];

export const allRows: readonly Row[] = [...messageRows, ...crowdRows, ...lastingRows];
