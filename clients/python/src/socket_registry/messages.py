"""The loop over a socket's messages."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing
from types import TracebackType
from typing import TYPE_CHECKING, Literal

from socketregistry.v1 import socket_registry_pb2 as pb

from socket_registry.deliveries import Deliveries
from socket_registry.message import Message
from socket_registry.reading import EventListener, Reading

if TYPE_CHECKING:
    from socket_registry.socket import Socket

log = logging.getLogger("socket_registry")

#: EXPLICIT: a message is settled when the body has done its work. AUTO: when it is handed over. NONE: never.
Mode = Literal["EXPLICIT", "AUTO", "NONE"]


class Messages:
    """What `socket.messages` gives: to iterate over once, plain or in an `async with`.

    In EXPLICIT mode a message is acknowledged when the next one is asked for. Leaving a plain `async for` gives the
    message of its body back, because a `break` looks like an exception from here; in an `async with` a `break`
    acknowledges, and an exception gives back. What was sent ahead of the body waits for the next reader at once.
    """

    def __init__(self, socket: Socket, request: pb.ReadRequest, on_event: EventListener | None) -> None:
        self._socket = socket
        self._registry = socket.registry
        self._buffer: deque[pb.Message] = deque()
        self._arrived = asyncio.Event()
        self._wanted = asyncio.Event()
        self._failure: BaseException | None = None
        self._filling: asyncio.Task[None] | None = None
        self._deliveries: Deliveries | None = None
        if request.ack_mode == pb.ACK_MODE_EXPLICIT:
            request.reader = str(uuid.uuid4())
            self._deliveries = Deliveries(self._registry.stub, request.socket_id, request.consumer, request.reader)
        self._reading = Reading(self._registry.stub, request, on_event)
        self._current: pb.Message | None = None
        self._is_entered = False
        self._is_left = False
        self._has_left = asyncio.Event()

    def __aiter__(self) -> AsyncIterator[Message]:
        # A generator is told when a plain loop is left. In an async with it is __aexit__ that is told, and how.
        return self if self._is_entered else self._iterate()

    async def __anext__(self) -> Message:
        self._settle_current(None)
        proto = await self._next()
        self._current = proto
        return Message(proto, self._socket, self._deliveries)

    async def __aenter__(self) -> Messages:
        self._is_entered = True
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.leave(retry_delay=None if kind is None else 0.0)

    async def handle(
        self, handler: Callable[[Message], Awaitable[object]], handlers_max: int, retry_delay: float
    ) -> None:
        """Runs a handler for each message, up to so many at once. Ends with an error, or when it is cancelled."""
        slots = asyncio.Semaphore(handlers_max)
        running: set[asyncio.Task[None]] = set()
        try:
            while True:
                await slots.acquire()
                task = asyncio.create_task(self._work(await self._next(), handler, retry_delay))
                running.add(task)
                task.add_done_callback(running.discard)
                task.add_done_callback(lambda _: slots.release())
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)
            await self.leave(retry_delay=None)

    async def finish(self) -> None:
        """The connection is about to be closed."""
        await self.leave(retry_delay=0.0)

    async def leave(self, retry_delay: float | None) -> None:
        """Ends the reading, and waits until what was settled is told, and what was not is the next reader's.

        retry_delay: with a number the message of the body is given back, else it is acknowledged.
        """
        if self._is_left:
            await self._has_left.wait()
            return
        self._is_left = True
        self._failure = self._failure or RuntimeError("the loop over the messages has ended")
        self._arrived.set()
        self._settle_current(retry_delay)
        has_deliveries = self._reading.has_deliveries
        try:
            if self._filling is not None:
                self._filling.cancel()
                await asyncio.gather(self._filling, return_exceptions=True)
        finally:
            try:
                if self._deliveries is not None:
                    await self._deliveries.close(release=has_deliveries)
            finally:
                self._registry.activities.discard(self)
                self._has_left.set()

    async def _iterate(self) -> AsyncGenerator[Message, None]:
        try:
            while True:
                yield await self.__anext__()
        finally:
            await self.leave(retry_delay=0.0)

    async def _work(
        self, proto: pb.Message, handler: Callable[[Message], Awaitable[object]], retry_delay: float
    ) -> None:
        deliveries = self._deliveries
        assert deliveries is not None, "only EXPLICIT reads are handled"
        try:
            await handler(Message(proto, self._socket, deliveries))
        except asyncio.CancelledError:
            deliveries.settle(proto, 0.0)
            raise
        except Exception:
            log.warning("message %s: the handler failed; given back", proto.message_id, exc_info=True)
            deliveries.settle(proto, retry_delay)
        else:
            deliveries.settle(proto)

    def _settle_current(self, retry_delay: float | None) -> None:
        if self._current is not None and self._deliveries is not None:
            self._deliveries.settle(self._current, retry_delay)
        self._current = None

    async def _next(self) -> pb.Message:
        """The next message. Raises what ended the reading."""
        if self._filling is None and not self._is_left:
            self._start()
        while self._failure is None and not self._buffer:
            self._arrived.clear()
            self._wanted.set()
            await self._arrived.wait()
        if self._failure is not None:
            raise self._failure
        return self._buffer.popleft()

    def _start(self) -> None:
        self._registry.activities.add(self)
        if self._deliveries is not None:
            self._deliveries.start()
        self._filling = asyncio.create_task(self._fill())

    async def _fill(self) -> None:
        """Takes what comes, so that it is held while it waits for its turn."""
        try:
            async with aclosing(self._reading.frames()) as frames:
                async for frame in frames:
                    if frame.event == pb.READ_EVENT_RESET:
                        self._forget(frame.position.epoch)
                    await self._take(frame.messages)
        except Exception as error:
            self._failure = error
            self._arrived.set()

    async def _take(self, messages: Sequence[pb.Message]) -> None:
        if self._deliveries is not None:
            # No more come than are in flight, and each of them has to be held from now on.
            self._buffer.extend(message for message in messages if self._deliveries.take(message))
            self._arrived.set()
        elif messages:
            self._buffer.extend(messages)
            self._wanted.clear()
            self._arrived.set()
            # The next frame waits at the server, or on its way, until somebody wants it.
            await self._wanted.wait()

    def _forget(self, epoch: str) -> None:
        """Drops what was read before the queue was cleared."""
        self._buffer = deque(message for message in self._buffer if message.epoch == epoch)
        if self._deliveries is not None:
            self._deliveries.forget(epoch)
