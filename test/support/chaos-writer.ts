/**
 * Somebody who writes, to one socket or to all, and repeats each call with its request_id until it is answered; now and
 * then twice at once, as an impatient proxy does. What a life before this one left unanswered it asks for again, or
 * gives up.
 */
import { setTimeout as delay } from "node:timers/promises";
import { WriteRequest, type WriteResponse } from "../../gen/ts/socketregistry/v1/socket_registry.js";
import { Journal, nowMs, type WriterLine } from "./chaos-journal.js";
import { connectTo, isLost, onStop, patient, readTask, unary, type WriterDuty } from "./chaos-program.js";
import { Random } from "./chaos-random.js";

/** How many messages are under way at a time. */
const AT_ONCE = 6;
const ANSWER_MS = 3_000;

const task = readTask<WriterDuty>();
const random = new Random(task.seed);
const journal = new Journal<WriterLine>(task.journal);
const client = connectTo(task.address);
let isStopping = false;
let next = 0;

onStop(() => {
  isStopping = true;
});
const { unanswered } = remember();
await Promise.all([...unanswered].map(([key, socketId]) => resume(key, socketId)));
await Promise.all(Array.from({ length: AT_ONCE }, writeOn));
client.close();
process.exit(0);

/** What the lives before wrote, and did not hear of. */
function remember(): { unanswered: Map<string, string> } {
  const unanswered = new Map<string, string>();
  for (const line of journal.lines()) {
    if (line.what === "send") next++;
    if (line.what === "send") unanswered.set(line.key, line.socketId);
    else if (line.what !== "fault") unanswered.delete(line.key);
  }
  return { unanswered };
}

async function resume(key: string, socketId: string): Promise<void> {
  if (random.isOne(0.3)) journal.add({ what: "abandoned", key });
  else await write(key, socketId);
}

async function writeOn(): Promise<void> {
  while (!isStopping) {
    const key = `${task.name}-${next++}`;
    const socketId = random.isOne(0.03) ? task.team : random.pick(task.socketIds);
    journal.add({ what: "send", atMs: nowMs(), key, socketId });
    if (random.isOne(0.05)) await Promise.all([write(key, socketId), write(key, socketId)]);
    else await write(key, socketId);
    await delay(random.between(40, 160));
  }
}

/** Asks until there is an answer. */
async function write(key: string, socketId: string): Promise<void> {
  // Signed: an unsigned message to one socket would go to the team feed as well.
  const request = WriteRequest.fromPartial({ socketId, message: key, requestId: key, sender: task.name });
  for (;;) {
    try {
      const { messageId, duplicate } = await unary<WriteResponse>((done) =>
        client.write(request, patient(), { deadline: Date.now() + ANSWER_MS }, done),
      );
      journal.add({ what: "accepted", key, messageId, isDuplicate: duplicate });
      return;
    } catch (error) {
      if (!isLost(error)) {
        journal.add({ what: "fault", text: `${key}: ${error}` });
        return;
      }
      await delay(random.between(20, 80));
    }
  }
}
