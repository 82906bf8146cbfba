"""A handle on one socket. Having it says nothing about whether the socket is there."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, cast

from google.protobuf.field_mask_pb2 import FieldMask
from socketregistry.v1 import socket_registry_pb2 as pb

from socket_registry.calls import Frames
from socket_registry.errors import RegistryError
from socket_registry.info import SocketConfig, SocketInfo
from socket_registry.message import Message
from socket_registry.messages import Messages, Mode
from socket_registry.reading import EventListener, Position
from socket_registry.values import struct_of

if TYPE_CHECKING:
    from socket_registry.registry import Registry

log = logging.getLogger("socket_registry")

_PAGE_SIZE = 1_000


class Socket:
    """One socket of a registry, by its id. Every method is a call and raises RegistryError when it is refused."""

    #: The socket's id.
    id: str
    #: The registry it belongs to.
    registry: Registry
    #: What Create answered, for a handle that `Registry.create` gave. Else None.
    created: pb.CreateResponse | None

    def __init__(self, registry: Registry, socket_id: str, created: pb.CreateResponse | None = None) -> None:
        self.id = socket_id
        self.registry = registry
        self.created = created

    def __repr__(self) -> str:
        return f"Socket({self.id!r})"

    async def write(
        self,
        text: str,
        metadata: Mapping[str, Any] | None = None,
        *,
        sender: str | None = None,
        thread_id: str = "",
        reply_to: str = "",
        request_id: str = "",
    ) -> pb.WriteResponse:
        """Puts a message into the socket's queue. Returns when it is durable.

        sender: the author's socket id; None is the one that `connect` was given, "" is unsigned.
        request_id: makes a retry of yours safe; retries of the client have one anyway.
        """
        return await self.registry.write(
            self.id,
            text,
            metadata,
            sender=sender,
            thread_id=thread_id,
            reply_to=reply_to,
            request_id=request_id,
        )

    async def say(
        self,
        text: str,
        metadata: Mapping[str, Any] | None = None,
        *,
        thread_id: str = "",
        reply_to: str = "",
        request_id: str = "",
    ) -> pb.WriteResponse:
        """What the socket itself says: a write by it to itself. It goes to the team feed, and to the Ask that it
        answers (`reply_to`), never into its own queue."""
        return await self.write(
            text, metadata, sender=self.id, thread_id=thread_id, reply_to=reply_to, request_id=request_id
        )

    def messages(
        self,
        *,
        max_outstanding: int = 1,
        mode: Mode = "EXPLICIT",
        consumer: str = "",
        exclude_sender: str = "",
        exclusive: bool = False,
        after: Position | None = None,
        on_event: EventListener | None = None,
    ) -> Messages:
        """The messages of the socket, what waits first and then what comes, over restarts of the server.

        The iteration ends only by leaving it, or with RegistryError: SOCKET_NOT_FOUND, SOCKET_DELETED,
        READER_SUPERSEDED, POSITION_LOST and what else a Read is refused with.

        max_outstanding: how many messages are taken before one is settled (EXPLICIT). 1 keeps the order.
        consumer: a named cursor of the team feed.
        exclude_sender: leaves out what this sender signed. It counts as read.
        exclusive: ends every other reader of the queue, and keeps them away.
        after: where to start. Not in EXPLICIT mode.
        on_event: is told of messages that will never come; without it they are logged.
        """
        request = pb.ReadRequest(
            socket_id=self.id,
            ack_mode=pb.AckMode.Value(f"ACK_MODE_{mode}"),
            max_outstanding=max_outstanding if mode == "EXPLICIT" else 0,
            consumer=consumer,
            exclude_sender=exclude_sender,
            exclusive=exclusive,
            after=None if after is None else pb.Position(epoch=after.epoch, sequence=after.sequence),
        )
        return Messages(self, request, on_event)

    async def handle(
        self,
        handler: Callable[[Message], Awaitable[object]],
        *,
        max_outstanding: int = 1,
        retry_delay: float = 1.0,
        consumer: str = "",
        exclude_sender: str = "",
        exclusive: bool = False,
        on_event: EventListener | None = None,
    ) -> None:
        """Runs a handler for each message, up to max_outstanding at once, until it is cancelled.

        A message is acknowledged when its handler returns. When it raises, that is logged, and the message comes again
        after retry_delay seconds. A cancelled handler gives its message back at once. Ends with RegistryError as
        `messages` does.
        """
        messages = self.messages(
            max_outstanding=max_outstanding,
            consumer=consumer,
            exclude_sender=exclude_sender,
            exclusive=exclusive,
            on_event=on_event,
        )
        await messages.handle(handler, max_outstanding, retry_delay)

    async def drain(self, *, consumer: str = "", max_messages: int = 0) -> list[Message]:
        """Takes everything that waits, or up to max_messages, and settles it. An empty list when nothing does.

        When the connection breaks in the middle, that is logged and what came is returned: it is settled, and what did
        not come still waits.
        """
        request = pb.ReadRequest(
            socket_id=self.id, ack_mode=pb.ACK_MODE_AUTO, no_wait=True, consumer=consumer, max_messages=max_messages
        )
        frames = cast(Frames[pb.ReadResponse], self.registry.stub.Read(request))
        messages: list[Message] = []
        try:
            while (frame := await frames.next(self.registry.timeout)) is not None:
                messages.extend(Message(proto, self) for proto in frame.messages)
        except RegistryError as error:
            if not messages:
                raise
            log.warning("%s: only a part was read: %s", self.id, error)
        finally:
            frames.cancel()
        return messages

    async def peek(self, *, parked: bool = False, consumer: str = "") -> AsyncIterator[Message]:
        """Looks at what waits, or is parked, oldest first and page by page, and changes nothing."""
        request = pb.PeekRequest(socket_id=self.id, page_size=_PAGE_SIZE, parked=parked, consumer=consumer)
        while True:
            page = await self.registry.stub.Peek(request)
            for proto in page.messages:
                yield Message(proto, self)
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token

    async def requeue(self, sequences: Sequence[int] = (), *, consumer: str = "") -> int:
        """Puts parked messages back into the queue, those of these sequences or all. Returns how many."""
        request = pb.RequeueRequest(socket_id=self.id, sequences=sequences, consumer=consumer)
        return (await self.registry.stub.Requeue(request)).requeued_count

    async def info(self) -> SocketInfo:
        """The socket in full, with prompt and context."""
        response = await self.registry.stub.GetSocketInfo(pb.GetSocketInfoRequest(socket_id=self.id))
        return SocketInfo.of(response.socket)

    async def reset(self, scope: Literal["ALL", "QUEUE", "CONTEXT"] = "ALL", *, etag: str = "") -> pb.ResetResponse:
        """Clears queue and context, or one of them, and keeps the socket.

        etag: reset only if it is the socket's; else ETAG_MISMATCH.
        """
        value = pb.ResetScope.Value(f"RESET_SCOPE_{scope}")
        return await self.registry.stub.Reset(pb.ResetRequest(socket_id=self.id, scope=value, etag=etag))

    async def delete(self, *, etag: str = "", allow_missing: bool = False) -> pb.DeleteResponse:
        """Removes the socket with its queue and context. Open reads of it end with SOCKET_DELETED."""
        request = pb.DeleteRequest(socket_id=self.id, etag=etag, allow_missing=allow_missing)
        return await self.registry.stub.Delete(request)

    async def update(
        self,
        *,
        model: str | None = None,
        prompt: str | None = None,
        context: Mapping[str, Any] | None = None,
        labels: Mapping[str, str] | None = None,
        config: SocketConfig | None = None,
        etag: str = "",
    ) -> SocketInfo:
        """Changes what is given, and nothing else; of the config, the settings that are not None.

        etag: update only if it is the socket's; else ETAG_MISMATCH.
        """
        given = {"model": model, "prompt": prompt, "context": context, "labels": labels}
        paths = [name for name, value in given.items() if value is not None]
        if config is not None:
            paths += [f"config.{name}" for name in config.names]
        if not paths:
            return await self.info()
        socket = pb.Socket(
            socket_id=self.id,
            model=model or "",
            prompt=prompt or "",
            context=struct_of(context),
            labels=labels,
            config=None if config is None else config.to_proto(),
            etag=etag,
        )
        request = pb.UpdateRequest(socket=socket, update_mask=FieldMask(paths=paths))
        return SocketInfo.of((await self.registry.stub.Update(request)).socket)

    async def mark_active(self, reason: str = "") -> SocketInfo:
        """Lets the socket take messages again. It has lost none."""
        request = pb.MarkActiveRequest(socket_id=self.id, reason=reason)
        return SocketInfo.of((await self.registry.stub.MarkActive(request)).socket)

    async def mark_inactive(self, reason: str = "") -> SocketInfo:
        """Leaves in good order: new messages are refused, or collected with accept_when_away."""
        request = pb.MarkInactiveRequest(socket_id=self.id, reason=reason)
        return SocketInfo.of((await self.registry.stub.MarkInactive(request)).socket)

    async def mark_unresponsive(self, reason: str = "") -> SocketInfo:
        """Makes the socket refuse new messages. What waits can be read."""
        request = pb.MarkUnresponsiveRequest(socket_id=self.id, reason=reason)
        return SocketInfo.of((await self.registry.stub.MarkUnresponsive(request)).socket)
