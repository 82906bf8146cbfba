"""A test with a registry of its own, and a client of it."""

from __future__ import annotations

import unittest

from server import Server, serving, until
from socket_registry import Registry, Socket, SocketConfig, connect


class ServedTest(unittest.IsolatedAsyncioTestCase):
    #: What the server is started with.
    settings: tuple[str, ...] = ()
    server: Server
    registry: Registry

    async def asyncSetUp(self) -> None:
        # Not enterAsyncContext, which is there from Python 3.11 on.
        context = serving(*self.settings)
        self.server = await context.__aenter__()
        self.addAsyncCleanup(context.__aexit__, None, None, None)
        self.registry = connect(self.server.address)
        self.addAsyncCleanup(self.registry.close)

    async def socket_with(self, count: int, **config: object) -> Socket:
        """A new socket x, in whose queue the messages "0", "1" and so on wait."""
        socket = await self.registry.create("x", config=SocketConfig(**config), on_conflict="REPLACE")  # type: ignore[arg-type]
        for number in range(count):
            await socket.write(str(number))
        return socket

    async def until_settled(self, socket: Socket, queue_size: int) -> None:
        async def holds() -> bool:
            proto = (await socket.info()).proto
            return proto.queue_size == queue_size and proto.in_flight_count == 0

        await until(holds, f"{queue_size} messages wait and none is in flight")

    async def until_in_flight(self, socket: Socket, count: int) -> None:
        async def holds() -> bool:
            return (await socket.info()).proto.in_flight_count == count

        await until(holds, f"{count} messages are in flight")

    async def has_readers(self, socket: Socket, count: int) -> bool:
        return (await socket.info()).proto.reader_count == count
