"""A Read that goes on over restarts of the server, and tells what its events say."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, cast

from socketregistry.v1 import socket_registry_pb2 as pb

from socket_registry.calls import Frames
from socket_registry.errors import RegistryError
from socket_registry.reopen import HEARTBEAT_INTERVAL, reopen
from socket_registry.values import duration_of

if TYPE_CHECKING:
    from socketregistry.v1.socket_registry_pb2_grpc import SocketRegistryAsyncStub

log = logging.getLogger("socket_registry")


@dataclass(frozen=True)
class Position:
    """A place in a queue: everything up to and including the sequence lies before it."""

    sequence: int
    #: Empty: the current one.
    epoch: str = ""


@dataclass(frozen=True)
class Event:
    """What a reader has to know beside the messages: that some will never come."""

    #: GAP: `dropped_count` messages were lost, for `gap_reason`. RESET: the queue was cleared, and has a new epoch.
    kind: Literal["GAP", "RESET"]
    #: How many messages it stands for.
    dropped_count: int
    #: OVERFLOW, EXPIRED, RETENTION or DAMAGED. Empty for a RESET.
    gap_reason: str
    #: The place behind what was lost, or where the new epoch begins.
    position: Position


EventListener = Callable[[Event], None]


class Reading:
    """One Read after another, each of which asks for the same."""

    def __init__(self, stub: SocketRegistryAsyncStub, request: pb.ReadRequest, on_event: EventListener | None) -> None:
        self._stub = stub
        self._request = pb.ReadRequest()
        self._request.CopyFrom(request)
        self._request.heartbeat_interval.CopyFrom(duration_of(HEARTBEAT_INTERVAL))
        # The server keeps the place of who takes messages; that of one who only looks, or replays, is ours to keep.
        self._keeps_place = request.ack_mode == pb.ACK_MODE_NONE or request.HasField("after")
        self._on_event = on_event
        self._stream: Frames[pb.ReadResponse] | None = None
        self._has_begun = False
        self._is_gone = False

    @property
    def has_deliveries(self) -> bool:
        """Whether the server may have something in flight to it.

        A Read that was refused has got nothing, and what a socket had that is gone is gone with it.
        """
        is_asked = self._stream is not None and self._stream.is_under_way
        return not self._is_gone and (self._has_begun or is_asked)

    async def frames(self) -> AsyncGenerator[pb.ReadResponse, None]:
        """What comes, over restarts of the server. Ends only with an error."""
        socket_id = self._request.socket_id
        try:
            async with aclosing(reopen(self._open, f"reading {socket_id}")) as frames:
                async for frame in frames:
                    self._has_begun = True
                    if self._keeps_place and frame.HasField("position"):
                        self._request.after.CopyFrom(frame.position)
                    if frame.event in (pb.READ_EVENT_GAP, pb.READ_EVENT_RESET):
                        _tell(socket_id, event_of(frame), self._on_event)
                    yield frame
        except RegistryError as error:
            self._is_gone = error.is_gone
            raise

    def _open(self) -> Frames[pb.ReadResponse]:
        self._stream = cast(Frames[pb.ReadResponse], self._stub.Read(self._request))
        return self._stream


def event_of(frame: pb.ReadResponse) -> Event:
    """The event that a frame without messages is."""
    reason = pb.GapReason.Name(frame.gap_reason).removeprefix("GAP_REASON_")
    return Event(
        kind="GAP" if frame.event == pb.READ_EVENT_GAP else "RESET",
        dropped_count=frame.dropped_count,
        gap_reason="" if reason == "UNSPECIFIED" else reason,
        position=Position(frame.position.sequence, frame.position.epoch),
    )


def _tell(socket_id: str, event: Event, on_event: EventListener | None) -> None:
    if on_event is not None:
        on_event(event)
    elif event.kind == "GAP":
        log.warning("%s: %d messages will never come: %s", socket_id, event.dropped_count, event.gap_reason)
    else:
        log.warning("%s: the queue was cleared, with %d messages", socket_id, event.dropped_count)
