/**
 * An agent that reads one socket in EXPLICIT mode until it is told to stop. It writes down what it is given before it
 * acknowledges it. Sometimes it gives a message back, sleeps past the deadline, forgets a message, asks for more time, or
 * cancels its stream.
 */
import { setTimeout as delay } from "node:timers/promises";
import type { ClientReadableStream } from "@grpc/grpc-js";
import {
  AckMode,
  AcknowledgeRequest,
  type AcknowledgeResponse,
  type DeepPartial,
  type Message,
  ReadRequest,
  type ReadResponse,
} from "../../gen/ts/socketregistry/v1/socket_registry.js";
import { Journal, nowMs, type WorkerLine } from "./chaos-journal.js";
import { connectTo, isLost, onStop, patient, readTask, unary, type WorkerDuty } from "./chaos-program.js";
import { Random } from "./chaos-random.js";

const task = readTask<WorkerDuty>();
const { socketId, maxOutstanding, ackDeadlineMs } = task;
const random = new Random(task.seed);
const journal = new Journal<WorkerLine>(task.journal);
const client = connectTo(task.address);
const working = new Set<Promise<void>>();
let reading: ClientReadableStream<ReadResponse> | undefined;
let streams = 0;
let isStopping = false;

onStop(() => {
  isStopping = true;
  reading?.cancel();
});
while (!isStopping) {
  await read();
  if (!isStopping) await delay(random.between(10, 60));
}
await Promise.all(working);
client.close();
process.exit(0);

/** One stream, to its end. */
async function read(): Promise<void> {
  const stream = `${task.name}.${task.life}.${streams++}`;
  journal.add({ what: "open", atMs: nowMs(), stream });
  const request = ReadRequest.fromPartial({ socketId, ackMode: AckMode.ACK_MODE_EXPLICIT, maxOutstanding });
  reading = client.read(request, patient());
  try {
    for await (const { messages } of reading as AsyncIterable<ReadResponse>) {
      for (const message of messages) receive(stream, message);
    }
    journal.add({ what: "fault", text: `${stream} ended with OK` });
  } catch (error) {
    if (!isLost(error)) journal.add({ what: "fault", text: `${stream} ended with ${error}` });
  }
  journal.add({ what: "end", atMs: nowMs(), stream });
}

function receive(stream: string, message: Message): void {
  const { messageId, content: key, deliveryAttempt: attempt } = message;
  const sequence = Number(message.sequence);
  journal.add({ what: "got", atMs: nowMs(), stream, socketId, sequence, messageId, key, attempt });
  const work = workOn(stream, message).catch((error) => journal.add({ what: "fault", text: String(error) }));
  working.add(work);
  void work.then(() => working.delete(work));
}

async function workOn(stream: string, { sequence, epoch }: Message): Promise<void> {
  const place = { socketId, sequence: Number(sequence) };
  await delay(random.between(0, 12));
  if (random.isOne(0.004)) {
    journal.add({ what: "end", atMs: nowMs(), stream });
    reading?.cancel();
  }
  if (random.isOne(0.002)) return;
  if (random.isOne(0.03)) {
    journal.add({ what: "nack", atMs: nowMs(), ...place });
    const retryDelay = { seconds: 0n, nanos: random.below(150) * 1_000_000 };
    await acknowledge({ epoch, nackSequences: [sequence], retryDelay });
    return;
  }
  if (random.isOne(0.01)) await acknowledge({ epoch, extendSequences: [sequence] });
  if (random.isOne(0.004)) await delay(ackDeadlineMs * random.between(1, 1.4));
  const ack = task.isInOrder && random.isOne(0.2) ? { throughSequence: sequence } : { sequences: [sequence] };
  const answer = await acknowledge({ epoch, ...ack });
  if (answer === undefined) return;
  journal.add({ what: "acked", atMs: nowMs(), ...place, isFresh: answer.acknowledgedCount === 1 });
}

/**
 * Tells the server what became of a message, a few times if it must. Not so with what is given back: the second time it
 * may be with somebody else, whose attempt would fail.
 * @returns undefined when it gave up
 */
async function acknowledge(request: DeepPartial<AcknowledgeRequest>): Promise<AcknowledgeResponse | undefined> {
  const whole = AcknowledgeRequest.fromPartial({ ...request, socketId });
  for (let tries = whole.nackSequences.length > 0 ? 1 : 1 + random.below(6); tries > 0; tries--) {
    try {
      return await unary<AcknowledgeResponse>((done) => client.acknowledge(whole, patient(), done));
    } catch (error) {
      if (!isLost(error)) throw error;
      await delay(random.between(20, 80));
    }
  }
  return undefined;
}
