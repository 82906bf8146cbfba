/** The connection: where it goes, what it proves, how long it waits and what it tries again by itself. */
import { type ChannelCredentials, type ClientOptions as ChannelOptions, credentials, Metadata } from "@grpc/grpc-js";
import { SocketRegistryClient } from "../../../gen/ts/socketregistry/v1/socket_registry.js";

/** What a TLS connection trusts and proves, as PEM. */
export interface TlsOptions {
  /** The certificates to trust instead of the system's. */
  ca?: Uint8Array | string | undefined;
  /** The client's own certificate, for a server that asks for one. Together with `key`. */
  cert?: Uint8Array | string | undefined;
  /** The key of `cert`. */
  key?: Uint8Array | string | undefined;
}

export interface ChannelSettings {
  /** Sent as `authorization: Bearer ...` with every call. Refused without TLS, unless the address is loopback. */
  token?: string | undefined;
  /** `true` trusts the system's certificates. Default: no TLS. */
  tls?: boolean | TlsOptions | undefined;
}

/** The generated client, and what goes with each of its calls. Throws a TypeError for settings that cannot be used. */
export function openChannel(address: string, { token, tls }: ChannelSettings) {
  const isLocal = isLoopback(address);
  if (token !== undefined && !tls && !isLocal) {
    throw new TypeError(`a token is not sent to ${address} without TLS: everybody on the way could read it`);
  }
  const metadata = new Metadata();
  if (token !== undefined) metadata.set("authorization", `Bearer ${token}`);
  return { client: new SocketRegistryClient(address, credentialsOf(tls), channelOptions(isLocal)), metadata };
}

const loopback = /^(?:(?:dns|ipv4|ipv6):\/*)?(?:localhost|127(?:\.\d+){3}|\[::1\]|::1)(?::\d+)?$|^unix:/i;

/** Whether the address is this machine. */
export function isLoopback(address: string): boolean {
  return loopback.test(address);
}

function credentialsOf(tls: ChannelSettings["tls"]): ChannelCredentials {
  if (!tls) return credentials.createInsecure();
  const { ca, key, cert } = tls === true ? {} : tls;
  return credentials.createSsl(bufferOf(ca), bufferOf(key), bufferOf(cert));
}

function bufferOf(pem: Uint8Array | string | undefined): Buffer | null {
  return pem === undefined ? null : Buffer.from(pem);
}

const mebibyte = 1024 * 1024;

function channelOptions(isLocal: boolean): ChannelOptions {
  return {
    // Where http_proxy is set, grpc-js would ask the proxy for what is on this machine.
    ...(isLocal && { "grpc.enable_http_proxy": 0 }),
    // A Read that has waited for hours must notice that the peer's machine is gone.
    "grpc.keepalive_time_ms": 30_000,
    "grpc.keepalive_timeout_ms": 15_000,
    // Below the pauses of reopen.ts, so that each of its attempts meets a fresh attempt to connect.
    "grpc.initial_reconnect_backoff_ms": 100,
    "grpc.max_reconnect_backoff_ms": 2_000,
    // A frame may hold a message of 1 MiB, whatever its encoding makes of it, and everything attached to it.
    "grpc.max_receive_message_length": 32 * mebibyte,
    "grpc-node.flow_control_window": 4 * mebibyte,
    // Two registries of one program are two connections, which are closed one by one.
    "grpc.use_local_subchannel_pool": 1,
    // A write of the largest message can be tried again as well.
    "grpc.per_rpc_retry_buffer_size": 4 * mebibyte,
    "grpc.retry_buffer_size": 64 * mebibyte,
    "grpc.service_config": JSON.stringify(serviceConfig),
    // The config of this client, not what a name server says.
    "grpc.service_config_disable_resolution": 1,
  };
}

/** Calls that may be carried out twice, because they have a key or change nothing the second time. */
const repeatable = [
  "Create",
  "Write",
  "Ask",
  "ListSockets",
  "GetSocketInfo",
  "MarkActive",
  "MarkInactive",
  "MarkUnresponsive",
  "Peek",
  "Acknowledge",
  "GetMessage",
  "Heartbeat",
  "GetServerInfo",
];

const serviceConfig = {
  methodConfig: [
    {
      name: repeatable.map((method) => ({ service: "socketregistry.v1.SocketRegistry", method })),
      retryPolicy: {
        maxAttempts: 5,
        initialBackoff: "0.2s",
        maxBackoff: "3s",
        backoffMultiplier: 2,
        retryableStatusCodes: ["UNAVAILABLE"],
      },
    },
  ],
};
