"""What the registry knows of a socket, and the settings it can have."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Literal, cast

from google.protobuf.duration_pb2 import Duration
from socketregistry.v1 import socket_registry_pb2 as pb

from socket_registry.values import datetime_of, dict_of, duration_if, seconds_of

#: ACTIVE takes messages. INACTIVE left on purpose, UNRESPONSIVE does not answer: both refuse, and keep what waits.
State = Literal["ACTIVE", "INACTIVE", "UNRESPONSIVE"]

OverflowPolicy = Literal["REJECT", "DROP_OLDEST"]


@dataclass(frozen=True)
class SocketConfig:
    """A socket's settings. None means the server's default, or, in an update, no change; zero means none."""

    #: How long the socket lives without a sign of life before it becomes UNRESPONSIVE, in seconds.
    lease_duration: float | None = None
    #: How long a message may wait before it is let go, in seconds.
    message_ttl: float | None = None
    #: How long an EXPLICIT reader may take for a message, in seconds.
    ack_deadline: float | None = None
    #: The most messages the queue holds, waiting and in flight.
    max_queue_size: int | None = None
    #: The most bytes the queue holds.
    max_queue_bytes: int | None = None
    #: How often a message is delivered in EXPLICIT mode before it is parked.
    max_delivery_attempts: int | None = None
    #: What a full queue does.
    overflow_policy: OverflowPolicy | None = None
    #: Whether the socket collects mail while it is INACTIVE or its lease has expired.
    accept_when_away: bool | None = None

    @classmethod
    def of(cls, proto: pb.SocketConfig) -> SocketConfig:
        """The settings that a message holds."""
        return cls(**{field.name: _setting_of(proto, field.name) for field in fields(cls)})

    def to_proto(self) -> pb.SocketConfig:
        """The settings as a message."""
        policy = None if self.overflow_policy is None else f"OVERFLOW_POLICY_{self.overflow_policy}"
        return pb.SocketConfig(
            lease_duration=duration_if(self.lease_duration),
            message_ttl=duration_if(self.message_ttl),
            ack_deadline=duration_if(self.ack_deadline),
            max_queue_size=self.max_queue_size,
            max_queue_bytes=self.max_queue_bytes,
            max_delivery_attempts=self.max_delivery_attempts,
            overflow_policy=None if policy is None else pb.OverflowPolicy.Value(policy),
            accept_when_away=self.accept_when_away,
        )

    @property
    def names(self) -> list[str]:
        """The settings that are set."""
        return [field.name for field in fields(self) if getattr(self, field.name) is not None]


@dataclass(frozen=True)
class SocketInfo:
    """A socket as it was at one moment. In listings and changes the prompt and the context are empty."""

    socket_id: str
    model: str
    prompt: str
    context: dict[str, Any]
    labels: dict[str, str]
    config: SocketConfig
    state: State
    #: Why it is in its state: OPERATOR, LEASE_EXPIRED or CLIENT_LEFT. Empty when it was never marked.
    state_reason: str
    #: What the caller of the last mark said.
    state_message: str
    created_at: datetime
    #: When it was last created, written to, read, reset or marked.
    last_activity: datetime
    #: How many messages the queue holds, waiting and in flight.
    queue_size: int
    #: Changes when the queue is cleared.
    epoch: str
    #: Changes with model, prompt, context, labels, config, state and epoch, and with nothing else.
    etag: str
    #: The message it was made of, with what is not named here.
    proto: pb.Socket

    @classmethod
    def of(cls, proto: pb.Socket) -> SocketInfo:
        reason = pb.StateReason.Name(proto.state_reason).removeprefix("STATE_REASON_")
        return cls(
            socket_id=proto.socket_id,
            model=proto.model,
            prompt=proto.prompt,
            context=dict_of(proto.context),
            labels=dict(proto.labels),
            config=SocketConfig.of(proto.config),
            state=cast(State, pb.SocketState.Name(proto.state).removeprefix("SOCKET_STATE_")),
            state_reason="" if reason == "UNSPECIFIED" else reason,
            state_message=proto.state_message,
            created_at=datetime_of(proto.created_at),
            last_activity=datetime_of(proto.last_activity),
            queue_size=proto.queue_size,
            epoch=proto.tail.epoch,
            etag=proto.etag,
            proto=proto,
        )


def _setting_of(proto: pb.SocketConfig, name: str) -> Any:
    if not proto.HasField(cast(Any, name)):
        return None
    value = getattr(proto, name)
    if isinstance(value, Duration):
        return seconds_of(value)
    if name == "overflow_policy":
        policy = pb.OverflowPolicy.Name(value).removeprefix("OVERFLOW_POLICY_")
        return None if policy == "UNSPECIFIED" else policy
    return value
