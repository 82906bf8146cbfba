"""Many writes on one call: what is written at the same moment goes as one frame, and the answers come in order."""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, cast

import grpc
from socketregistry.v1 import socket_registry_pb2 as pb

from socket_registry.calls import Exchange
from socket_registry.errors import RegistryError, error_in
from socket_registry.outbox import Outbox, Outgoing
from socket_registry.reopen import pause_after
from socket_registry.values import struct_of

if TYPE_CHECKING:
    from socket_registry.registry import Registry

log = logging.getLogger("socket_registry")

# How many seconds the end of the connection waits for answers.
_FLUSH = 10.0


class Writer:
    """What `registry.writer` gives. Each of its writes is a write in every respect.

    They are appended in the order in which they were written, and one that is refused holds up no other. When the server
    is started again, what was not answered is written again, in its order and once.
    """

    def __init__(self, registry: Registry, patience: float) -> None:
        self._registry = registry
        self._patience = patience
        self._outbox = Outbox()
        # Set when there is something to send, or the end.
        self._changed = asyncio.Event()
        self._has_room = asyncio.Event()
        self._has_room.set()
        self._is_closed = False
        # How many attempts have failed since the last answer, and when that was.
        self._failures = 0
        self._answered_at = 0.0
        self._running = asyncio.create_task(self._run())
        registry.activities.add(self)
        self._running.add_done_callback(self._finished)

    async def __aenter__(self) -> Writer:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if kind is not None and issubclass(kind, asyncio.CancelledError):
            self.cancel()
        await self.close()

    def write(
        self,
        socket_id: str,
        text: str,
        metadata: Mapping[str, Any] | None = None,
        *,
        sender: str | None = None,
        thread_id: str = "",
        reply_to: str = "",
        request_id: str = "",
        include_sender: bool = False,
        match_labels: Mapping[str, str] | None = None,
    ) -> asyncio.Future[pb.WriteResponse]:
        """Writes to a socket, or to everyone, by its id; whoever wants the answer awaits what it gives.

        The answer comes when the message is durable, and is a RegistryError where `Socket.write` raises one. It is sent
        with what else is written before the event loop goes on; beyond 4,096 writes, or 4 MiB, that are not answered, it
        waits for its turn. Raises RuntimeError when the writer is closed.
        """
        if self._is_closed:
            raise RuntimeError("the writer is closed")
        request = pb.WriteRequest(
            socket_id=socket_id,
            message=text,
            metadata=struct_of(metadata),
            sender=self._registry.sender if sender is None else sender,
            thread_id=thread_id,
            reply_to=reply_to,
            request_id=request_id or str(uuid.uuid4()),
            include_sender=include_sender,
            match_labels=match_labels,
        )
        answer: asyncio.Future[pb.WriteResponse] = asyncio.get_running_loop().create_future()
        if not self._outbox:
            self._answered_at = time.monotonic()
        self._outbox.add(Outgoing(request, request.ByteSize(), answer))
        self._changed.set()
        if not self._outbox.has_room:
            self._has_room.clear()
        return answer

    async def ready(self) -> None:
        """Returns when what is written next would be sent at once: for who writes more than should lie in memory."""
        await self._has_room.wait()

    async def close(self) -> None:
        """Takes no more, and waits until everything is answered. When that is cancelled, what is not answered is, too."""
        self._end()
        try:
            await asyncio.wait([self._running])
        except asyncio.CancelledError:
            self.cancel()
            raise

    def cancel(self) -> None:
        """Gives up: all that is not answered is cancelled, and the writer is closed."""
        self._end()
        self._running.cancel()

    async def finish(self) -> None:
        """The connection is about to be closed: what is not answered soon never will be."""
        self._end()
        await asyncio.wait([self._running], timeout=_FLUSH)
        self.cancel()
        await asyncio.wait([self._running])

    def _end(self) -> None:
        self._is_closed = True
        self._changed.set()

    def _finished(self, _: asyncio.Task[None]) -> None:
        self._is_closed = True
        self._registry.activities.discard(self)
        for write in self._outbox.take_all():
            write.answer.cancel()
        self._has_room.set()

    async def _run(self) -> None:
        while self._outbox or not self._is_closed:
            if not self._outbox:
                self._changed.clear()
                await self._changed.wait()
                continue
            try:
                await self._call()
            except RegistryError as error:
                await self._recover(error)

    async def _call(self) -> None:
        """Writes on one call until that ends."""
        stream = cast("Exchange[pb.WriteStreamResponse]", cast(Any, self._registry.stub.WriteStream)())
        sending = asyncio.create_task(self._send(stream))
        try:
            while (frame := await stream.next(None)) is not None:
                self._settle(frame.results)
            if self._outbox:
                raise RegistryError(grpc.StatusCode.UNAVAILABLE, "the stream ended")
        finally:
            sending.cancel()
            stream.cancel()
            # What it failed with is told by the other side of the stream as well.
            await asyncio.gather(sending, return_exceptions=True)

    async def _send(self, stream: Exchange[pb.WriteStreamResponse]) -> None:
        while True:
            # What is written at the same moment goes with the same frame.
            await asyncio.sleep(0)
            while (frame := self._outbox.take_frame()) is not None:
                await stream.send(frame)
            if self._is_closed and self._outbox.is_sent:
                await stream.end()
                return
            self._changed.clear()
            await self._changed.wait()

    def _settle(self, results: Sequence[pb.WriteStreamResult]) -> None:
        for result in results:
            write = self._outbox.take_sent()
            if write is None or write.answer.done():
                continue
            if result.HasField("error"):
                write.answer.set_exception(error_in(result.error))
            else:
                write.answer.set_result(result.response)
        self._failures = 0
        self._answered_at = time.monotonic()
        if not self._outbox.is_sent:
            self._changed.set()
        if self._outbox.has_room:
            self._has_room.set()

    async def _recover(self, error: RegistryError) -> None:
        """After a call that broke: what is not answered waits again, or fails where there is no use in that."""
        if not self._outbox:
            return
        if not error.is_broken or time.monotonic() - self._answered_at > self._patience:
            self._failures = 0
            for write in self._outbox.take_all():
                if not write.answer.done():
                    write.answer.set_exception(error)
            self._has_room.set()
            return
        self._failures += 1
        self._outbox.take_back()
        pause = pause_after(self._failures)
        log.warning("%s; writing again in %.1f s", error, pause)
        await asyncio.sleep(pause)
