"""The registry's changes, in their order."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, cast

from socketregistry.v1 import socket_registry_pb2 as pb

from socket_registry.calls import Frames
from socket_registry.info import SocketInfo
from socket_registry.reopen import HEARTBEAT_INTERVAL, reopen
from socket_registry.values import duration_of

if TYPE_CHECKING:
    from socketregistry.v1.socket_registry_pb2_grpc import SocketRegistryAsyncStub

ChangeType = Literal["SNAPSHOT", "SYNCED", "CREATED", "UPDATED", "STATE_CHANGED", "RESET", "DELETED"]


@dataclass(frozen=True)
class Change:
    """One change, or one socket of the snapshot before them."""

    #: SYNCED: the snapshot is complete. DELETED: `socket` is how it was.
    type: ChangeType
    #: The place in the registry's one order, and the place to resume after.
    revision: int
    #: The socket as the change left it, without prompt and context. None for SYNCED.
    socket: SocketInfo | None
    #: The change as it came.
    proto: pb.WatchResponse


async def watch(stub: SocketRegistryAsyncStub, request: pb.WatchRequest) -> AsyncGenerator[Change, None]:
    """The changes of one Watch after another. A snapshot that broke before SYNCED starts again."""
    current = pb.WatchRequest()
    current.CopyFrom(request)
    current.heartbeat_interval.CopyFrom(duration_of(HEARTBEAT_INTERVAL))
    is_synced = request.after_revision > 0

    def open_stream() -> Frames[pb.WatchResponse]:
        return cast(Frames[pb.WatchResponse], stub.Watch(current))

    async with aclosing(reopen(open_stream, "watching")) as frames:
        async for frame in frames:
            is_synced = is_synced or frame.type == pb.WATCH_EVENT_TYPE_SYNCED
            if is_synced:
                current.after_revision = frame.revision
            if frame.type != pb.WATCH_EVENT_TYPE_HEARTBEAT:
                yield _change_of(frame)


def _change_of(frame: pb.WatchResponse) -> Change:
    name = pb.WatchEventType.Name(frame.type).removeprefix("WATCH_EVENT_TYPE_")
    socket = SocketInfo.of(frame.socket) if frame.HasField("socket") else None
    return Change(cast(ChangeType, name), frame.revision, socket, frame)
