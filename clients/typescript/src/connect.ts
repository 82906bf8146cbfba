/** The way in. */
import { connectivityState } from "@grpc/grpc-js";
import { type ChannelSettings, openChannel } from "./channel.js";
import type { Connection, Reconnect } from "./connection.js";
import { ClosedError } from "./errors.js";
import { Registry } from "./registry.js";
import { createStub, createWriteFrames } from "./stub.js";

export interface ConnectOptions extends ChannelSettings {
  /** How long a unary call may take. Default 10 seconds. */
  timeoutMs?: number | undefined;
  /** The author of every write, broadcast and ask that does not name one. Default: they are unsigned. */
  sender?: string | undefined;
  /** Told of each attempt that failed because the server could not be reached, before it is made again. */
  onReconnect?: ((reconnect: Reconnect) => void) | undefined;
  /** Told of what nobody waits for and somebody should know, such as a handler that threw. Default: a process warning. */
  onWarning?: ((warning: Error) => void) | undefined;
}

/**
 * A connection to a registry, opened by the first call. Throws a TypeError for a token that would go over the network in
 * the clear.
 *
 * @param address `host:port`, or another gRPC target
 */
export function connect(address: string, options: ConnectOptions = {}): Registry {
  const { timeoutMs = 10_000, sender = "", onReconnect = () => {}, onWarning = warn } = options;
  const { client, metadata } = openChannel(address, options);
  const closed = new AbortController();
  const calls = { metadata, timeoutMs, closed: closed.signal };
  const connection: Connection = {
    stub: createStub(client, calls),
    writeFrames: createWriteFrames(client, calls),
    sender,
    timeoutMs,
    isConnected: () => client.getChannel().getConnectivityState(false) === connectivityState.READY,
    onReconnect,
    onWarning,
    activities: new Set(),
  };
  return new Registry(connection, () => {
    closed.abort(new ClosedError());
    client.close();
  });
}

function warn(warning: Error): void {
  process.emitWarning(warning.message, { type: "SocketRegistryWarning" });
}
