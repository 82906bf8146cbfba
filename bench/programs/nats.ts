/** Clients of NATS JetStream, as its documentation has them. */
import { CONTENT } from "../messages.js";
import { answer } from "./answer.js";
import { connectNats } from "./clients.js";
import { type Limit, type Pace, pump } from "./publish.js";

const STREAM = "mail";
const SUBJECT = "socket-0";
/** How many messages a consumer may have that it did not acknowledge, and how many it asks for at once. */
const ACK_PENDING = 10_000;
const AT_ONCE = 1_000;

const content = Buffer.from(CONTENT);
let clients: Awaited<ReturnType<typeof connectNats>>;
let consumers = 0;
/** The durable consumers: how many have what was published last, and what happens when all have. */
const open: string[] = [];
let arrived = 0;
let complete = (): void => {};

const commands = {
  async connect(port: number): Promise<void> {
    clients = await connectNats(port);
    await clients.manager.streams.add({ name: STREAM, subjects: [SUBJECT], storage: "file" });
  },

  /** Publishes, so many at a time. Answers when each is stored. */
  async publish(limit: Limit, { inFlight }: Pace): Promise<{ count: number; ms: number }> {
    const load = pump(limit, { perFrame: 1, inFlight });
    const send = (): void => {
      void clients.jetstream.publish(SUBJECT, content).then(() => {
        load.answered(1);
        load.fill(send);
      });
    };
    load.fill(send);
    return await load.result();
  },

  /** Reads so many messages from the first on with a new durable consumer, and acknowledges each. */
  async drain(count: number): Promise<{ count: number; ms: number }> {
    const durable_name = `drain-${consumers++}`;
    const { manager, jetstream } = clients;
    await manager.consumers.add(STREAM, { durable_name, ack_policy: "explicit", max_ack_pending: ACK_PENDING });
    const consumer = await jetstream.consumers.get(STREAM, durable_name);
    const start = performance.now();
    const messages = await consumer.consume({ max_messages: AT_ONCE });
    let read = 0;
    for await (const message of messages) {
      if (++read < count) message.ack();
      else {
        await message.ackAck();
        break;
      }
    }
    const ms = performance.now() - start;
    await manager.consumers.delete(STREAM, durable_name);
    return { count, ms };
  },

  /** Durable consumers of one stream, each with a subject that it is delivered to. They acknowledge what they get. */
  async openReaders(count: number): Promise<void> {
    for (let index = 0; index < count; index++) {
      const deliver_subject = `inbox.${index}`;
      clients.nats.subscribe(deliver_subject, {
        callback: (_, message) => {
          message.respond("+ACK");
          if (++arrived === open.length) complete();
        },
      });
      const durable_name = `reader-${index}`;
      const policies = { ack_policy: "explicit", deliver_policy: "new" };
      await clients.manager.consumers.add(STREAM, { durable_name, deliver_subject, ...policies });
      open.push(durable_name);
    }
  },

  /** Publishes one message after the other. @returns how long each took to reach the last consumer */
  async broadcast(times: number): Promise<number[]> {
    const took: number[] = [];
    for (let time = 0; time < times; time++) {
      arrived = 0;
      const completed = new Promise<void>((resolve) => {
        complete = resolve;
      });
      const start = performance.now();
      const stored = clients.jetstream.publish(SUBJECT, content);
      await completed;
      took.push(performance.now() - start);
      await stored;
      await settled();
    }
    return took;
  },
};

export type NatsCommands = typeof commands;
answer(commands);

/** Resolves when the server has every acknowledgement. */
async function settled(): Promise<void> {
  await clients.nats.flush();
  for (const name of open) {
    while ((await clients.manager.consumers.info(STREAM, name)).num_ack_pending > 0);
  }
}
