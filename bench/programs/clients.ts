/** What the bench needs of the clients of others. They are installed by `bench/peers/setup`, and only there. */
import { createRequire } from "node:module";

const require = createRequire(new URL("../peers/package.json", import.meta.url));

export interface RedisPipeline {
  xadd(...args: readonly (string | Buffer)[]): RedisPipeline;
  exec(): Promise<readonly (readonly [Error | null, unknown])[]>;
}

/** A connection to Redis. */
export interface Redis {
  call(command: string, ...args: readonly (string | number | Buffer)[]): Promise<unknown>;
  pipeline(): RedisPipeline;
  once(event: "ready", listener: () => void): void;
  disconnect(): void;
}

interface IoRedis {
  readonly Redis: new (options: { host: string; port: number; protocol: 2 }) => Redis;
}

export interface NatsMessage {
  readonly data: Uint8Array;
  respond(payload?: string): boolean;
}

/** A connection to NATS. */
export interface Nats {
  publish(subject: string, payload: Uint8Array): void;
  subscribe(subject: string, options: { callback: (error: Error | null, message: NatsMessage) => void }): unknown;
  flush(): Promise<void>;
  close(): Promise<void>;
}

export interface JetStreamMessage {
  ack(): void;
  /** Resolves when the server has it, and so all that came before. */
  ackAck(): Promise<boolean>;
}

export interface JetStream {
  publish(subject: string, payload: Uint8Array): Promise<unknown>;
  readonly consumers: {
    get(
      stream: string,
      name: string,
    ): Promise<{
      consume(options: { max_messages: number }): Promise<AsyncIterable<JetStreamMessage> & { stop(): void }>;
    }>;
  };
}

export interface JetStreamManager {
  readonly streams: { add(config: object): Promise<unknown> };
  readonly consumers: {
    add(stream: string, config: object): Promise<unknown>;
    info(stream: string, name: string): Promise<{ num_ack_pending: number; num_pending: number }>;
    delete(stream: string, name: string): Promise<unknown>;
  };
}

interface JetStreamModule {
  jetstream(connection: Nats): JetStream;
  jetstreamManager(connection: Nats): Promise<JetStreamManager>;
}

interface NatsModule {
  connect(options: { servers: string }): Promise<Nats>;
}

/** Resolves when it is connected. */
export async function connectRedis(port: number): Promise<Redis> {
  const { Redis } = require("ioredis") as IoRedis;
  const redis = new Redis({ host: "127.0.0.1", port, protocol: 2 });
  await new Promise<void>((resolve) => redis.once("ready", resolve));
  return redis;
}

export async function connectNats(port: number) {
  const { connect } = require("@nats-io/transport-node") as NatsModule;
  const { jetstream, jetstreamManager } = require("@nats-io/jetstream") as JetStreamModule;
  const nats = await connect({ servers: `127.0.0.1:${port}` });
  return { nats, jetstream: jetstream(nats), manager: await jetstreamManager(nats) };
}
