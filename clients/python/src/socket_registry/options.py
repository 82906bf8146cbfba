"""How a registry is reached: the address, who we are, and how long we wait."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

import grpc

_LOOPBACK = re.compile(r"^(unix(-abstract)?:.*|((dns|ipv4|ipv6):/*)?(localhost|127(\.\d+){3}|\[::1\])(:\d+)?)$")

# What may be made twice without harm: it changes nothing a second time, or carries a request_id.
_RETRIED = (
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
)

_SERVICE_CONFIG = {
    "methodConfig": [
        {
            "name": [{"service": "socketregistry.v1.SocketRegistry", "method": method} for method in _RETRIED],
            "retryPolicy": {
                "maxAttempts": 5,
                "initialBackoff": "0.2s",
                "maxBackoff": "3s",
                "backoffMultiplier": 2,
                "retryableStatusCodes": ["UNAVAILABLE"],
            },
        }
    ]
}

_MEBIBYTE = 1024 * 1024

_CHANNEL_OPTIONS: tuple[tuple[str, str | int], ...] = (
    ("grpc.service_config", json.dumps(_SERVICE_CONFIG)),
    # A call that is larger than this is not made again, and the default is smaller than a large message.
    ("grpc.per_rpc_retry_buffer_size", 32 * _MEBIBYTE),
    ("grpc.max_receive_message_length", 64 * _MEBIBYTE),
    ("grpc.max_send_message_length", -1),
    ("grpc.http2.lookahead_bytes", _MEBIBYTE),
    # A Read that has waited for hours must notice that the peer's machine is gone, also when nothing is sent.
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 15_000),
    ("grpc.http2.max_pings_without_data", 0),
    # Below the pauses between our own attempts, so that each of them meets a fresh attempt to connect.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 2_000),
    # Without it, registries of one process share connections, and the pauses after those that failed.
    ("grpc.use_local_subchannel_pool", 1),
)


@dataclass(frozen=True)
class Tls:
    """Certificates in PEM format, where the system's roots are not enough, or the server asks who we are."""

    #: The roots to trust. None: the system's.
    ca: bytes | None = None
    #: Our certificate and its key. Both, or none.
    cert: bytes | None = None
    key: bytes | None = None


@dataclass(frozen=True)
class Options:
    """The address, and what `connect` was given."""

    address: str
    token: str
    tls: Tls | None

    @property
    def is_loopback(self) -> bool:
        return _LOOPBACK.match(self.address) is not None

    def open_channel(self) -> grpc.aio.Channel:
        """A channel that connects at its first call. Raises ValueError for a token that everybody could read."""
        if self.token and self.tls is None and not self.is_loopback:
            raise ValueError(f"a token for {self.address} needs tls: anybody on the way could read it")
        options = list(_CHANNEL_OPTIONS)
        if self.is_loopback:
            # Where http_proxy is set, the proxy would be asked for what is on this machine.
            options.append(("grpc.enable_http_proxy", 0))
        if self.tls is None:
            return grpc.aio.insecure_channel(self.address, options)
        credentials = grpc.ssl_channel_credentials(self.tls.ca, self.tls.key, self.tls.cert)
        return grpc.aio.secure_channel(self.address, credentials, options)

    @property
    def metadata(self) -> tuple[tuple[str, str], ...]:
        """What goes with every call."""
        return (("authorization", f"Bearer {self.token}"),) if self.token else ()
