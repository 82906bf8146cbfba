"""A server of which each WriteStream does as the test says, so that what the client sends can be counted."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

import grpc
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]
from socketregistry.v1 import socket_registry_pb2 as pb

_PATIENCE = 30.0


class WriteCall:
    """One WriteStream as the server sees it. It ends when the client has ended its side and everything is answered."""

    def __init__(self, context: Any) -> None:
        self.writes: list[pb.WriteRequest] = []
        self.sizes: list[int] = []
        self.has_ended = False
        self.is_over = asyncio.Event()
        self._context = context
        self._answered = 0
        self._changed = asyncio.Condition()
        self._failure: grpc.StatusCode | None = None

    async def receive(self, frames: AsyncIterator[pb.WriteStreamRequest]) -> None:
        async for frame in frames:
            self.writes.extend(frame.writes)
            self.sizes.append(len(frame.writes))
            await self._tell()
        self.has_ended = True
        await self._tell()

    async def run(self) -> None:
        async with self._changed:
            await self._changed.wait_for(
                lambda: self._failure is not None or (self.has_ended and self._answered == len(self.writes))
            )
        if self._failure is not None:
            await self._context.abort(self._failure, "as the test wants it")

    @property
    def texts(self) -> list[str]:
        return [write.message for write in self.writes]

    async def got(self, count: int) -> None:
        """Returns when so many writes have come."""
        async with self._changed:
            await asyncio.wait_for(self._changed.wait_for(lambda: len(self.writes) >= count), _PATIENCE)

    async def answer(self, count: int, name: str = "m") -> None:
        """Answers as many writes, the ids of whose messages begin with this."""
        await self._send(
            [pb.WriteStreamResult(response=pb.WriteResponse(message_id=f"{name}{index}")) for index in range(count)]
        )

    async def refuse(self, code: grpc.StatusCode) -> None:
        """Answers one write with an error."""
        status = Status(code=code.value[0], message="refused")
        await self._send([pb.WriteStreamResult(error=status)])

    async def fail(self, code: grpc.StatusCode) -> None:
        self._failure = code
        await self._tell()

    async def _send(self, results: list[pb.WriteStreamResult]) -> None:
        await self._context.write(pb.WriteStreamResponse(results=results))
        self._answered += len(results)
        await self._tell()

    async def _tell(self) -> None:
        async with self._changed:
            self._changed.notify_all()


class Script:
    """The server: its address, and its calls as they come."""

    def __init__(self) -> None:
        self.address = ""
        self._calls: asyncio.Queue[WriteCall] = asyncio.Queue()

    async def call(self) -> WriteCall:
        """The next call."""
        return await asyncio.wait_for(self._calls.get(), _PATIENCE)

    @property
    def has_more(self) -> bool:
        return not self._calls.empty()

    async def write_stream(self, frames: Any, context: Any) -> None:
        call = WriteCall(context)
        receiving = asyncio.create_task(call.receive(frames))
        await self._calls.put(call)
        try:
            await call.run()
        finally:
            receiving.cancel()
            call.is_over.set()


@asynccontextmanager
async def scripted() -> AsyncIterator[Script]:
    script = Script()
    handler = grpc.stream_stream_rpc_method_handler(
        cast(Any, script.write_stream),
        request_deserializer=pb.WriteStreamRequest.FromString,
        response_serializer=pb.WriteStreamResponse.SerializeToString,
    )
    server = grpc.aio.server()
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler("socketregistry.v1.SocketRegistry", {"WriteStream": handler}),)
    )
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    script.address = f"127.0.0.1:{port}"
    try:
        yield script
    finally:
        await server.stop(None)
