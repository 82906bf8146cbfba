"""Leaving in good order: what a loop had and did not settle is the next one's at once, whatever the server's grace."""

from __future__ import annotations

import asyncio
import logging
import unittest
from collections.abc import Callable
from typing import Any

from served import ServedTest
from server import Ears, until
from socket_registry import Message, Registry, RegistryError, Socket, connect
from socketregistry.v1 import socket_registry_pb2 as pb

Attempts = list[tuple[str, int]]


class ReleaseTest(ServedTest):
    # What comes again within a test was released.
    settings = ("--return-grace-ms", "3600000")

    async def next_of(self, socket: Socket, count: int, max_outstanding: int = 1) -> Attempts:
        """So many messages, each acknowledged, with the attempt that it is."""
        seen: Attempts = []

        async def see() -> None:
            async with socket.messages(max_outstanding=max_outstanding) as messages:
                async for message in messages:
                    seen.append((message.content, message.delivery_attempt))
                    if len(seen) == count:
                        break

        await asyncio.wait_for(see(), 10.0)
        return seen

    async def test_a_loop_left_after_an_ack(self) -> None:
        socket = await self.socket_with(3)
        async for message in socket.messages(max_outstanding=3):
            await self.until_in_flight(socket, 3)
            await message.ack()
            break
        self.assertEqual(await self.next_of(socket, 2, max_outstanding=3), [("1", 1), ("2", 1)])
        await self.until_settled(socket, 0)

    async def test_an_async_with_has_released_when_it_is_left(self) -> None:
        socket = await self.socket_with(3)
        async with socket.messages(max_outstanding=3) as messages:
            async for _ in messages:
                await self.until_in_flight(socket, 3)
                break
        proto = (await socket.info()).proto
        self.assertEqual((proto.queue_size, proto.in_flight_count), (2, 0))

    async def test_twenty_loops_of_one_message_each(self) -> None:
        socket = await self.socket_with(20)
        for number in range(20):
            async for message in socket.messages():
                self.assertEqual((message.content, message.delivery_attempt), (str(number), 1))
                await message.ack()
                break
        await self.until_settled(socket, 0)

    async def test_what_is_given_back_does_not_stay_with_a_stream_that_has_room_for_it(self) -> None:
        socket = await self.socket_with(2, max_delivery_attempts=100)
        for attempt in range(1, 21):
            with self.assertRaises(ZeroDivisionError):
                async with socket.messages(max_outstanding=2) as messages:
                    async for message in messages:
                        self.assertEqual((message.content, message.delivery_attempt), ("0", attempt))
                        raise ZeroDivisionError
        self.assertEqual(await self.next_of(socket, 2), [("0", 21), ("1", 1)])

    async def test_a_break_gives_back_the_message_of_the_body_and_nothing_else(self) -> None:
        socket = await self.socket_with(3)
        async for _ in socket.messages(max_outstanding=3):
            await self.until_in_flight(socket, 3)
            break
        await self.until_settled(socket, 3)
        self.assertEqual(await self.next_of(socket, 3), [("0", 2), ("1", 1), ("2", 1)])

    async def test_cancelled_in_its_body(self) -> None:
        socket = await self.socket_with(3)

        bodies = Bodies()

        async def work() -> None:
            async for message in socket.messages(max_outstanding=3):
                await bodies.work(message)

        working = asyncio.create_task(work())
        await bodies.until_begun(1)
        await self.until_in_flight(socket, 3)
        await _cancel(working)
        await self.until_settled(socket, 3)
        self.assertEqual(await self.next_of(socket, 3), [("0", 2), ("1", 1), ("2", 1)])

    async def test_a_cancelled_handle(self) -> None:
        socket = await self.socket_with(3)
        bodies = Bodies()
        handling = asyncio.create_task(socket.handle(bodies.work, max_outstanding=3))
        await bodies.until_begun(3)
        await _cancel(handling)
        self.assertEqual(await self.next_of(socket, 3), [("0", 2), ("1", 2), ("2", 2)])

    async def test_a_cancelled_agent(self) -> None:
        socket = await self.socket_with(2)
        bodies = Bodies()
        agent = asyncio.create_task(self.registry.agent("x", bodies.work))
        await bodies.until_begun(1)
        await _cancel(agent)
        self.assertEqual((await socket.info()).state, "INACTIVE")
        self.assertEqual(await self.next_of(socket, 2), [("0", 2), ("1", 1)])

    async def test_a_handler_that_ends_an_agent_as_it_returns(self) -> None:
        socket = await self.socket_with(3)
        for number in range(3):
            seen: Attempts = []

            async def answer(message: Message) -> None:
                seen.append((message.content, message.delivery_attempt))
                asyncio.get_running_loop().call_soon(agent.cancel)

            agent = asyncio.create_task(self.registry.agent("x", answer))
            await asyncio.wait({agent}, timeout=10.0)
            self.assertEqual(seen, [(str(number), 1)])
        await self.until_settled(socket, 0)

    async def test_close(self) -> None:
        socket = await self.socket_with(3)
        registry = connect(self.server.address)
        # Kept, because a loop that nobody has any more is left.
        messages = aiter(registry.socket("x").messages(max_outstanding=3))
        await anext(messages)
        await self.until_in_flight(socket, 3)
        await registry.close()
        self.assertEqual(await self.next_of(socket, 3), [("0", 2), ("1", 1), ("2", 1)])
        with self.assertRaisesRegex(RuntimeError, "has ended"):
            await anext(messages)

    async def test_a_reset_queue(self) -> None:
        """What the loop has of the new epoch is released, though all that it settled was of the old one."""
        socket = await self.socket_with(1)
        async with socket.messages(max_outstanding=3) as messages:
            async for _ in messages:
                await socket.reset()
                await socket.write("new")
                await self.until_in_flight(socket, 1)
                break
        self.assertEqual(await self.next_of(socket, 1), [("new", 1)])

    async def test_the_feed_of_a_consumer(self) -> None:
        socket = await self.socket_with(0)
        for number in range(3):
            await socket.say(str(number))
        # Made by the first loop, which begins with what was there before.
        stub = self.registry.stub
        request = pb.ReadRequest(
            socket_id="team-chat-all", ack_mode=pb.ACK_MODE_EXPLICIT, consumer="auditor", no_wait=True, reader="first"
        )
        request.after.SetInParent()
        async for _ in stub.Read(request):
            pass
        await stub.Acknowledge(
            pb.AcknowledgeRequest(socket_id="team-chat-all", consumer="auditor", release_reader="first")
        )
        for number in range(3):
            async for message in self.registry.team.messages(consumer="auditor"):
                self.assertEqual((message.content, message.delivery_attempt), (str(number), 1))
                await message.ack()
                break

    async def test_one_name_over_a_restart_and_one_release(self) -> None:
        socket = await self.socket_with(2)
        reads = _spy(self.registry, "Read")
        told = _spy(self.registry, "Acknowledge")
        async with socket.messages() as messages:
            async for message in messages:
                if message.content == "1":
                    break
                await self.server.kill()
                await self.server.start()
        names = {request.reader for request in reads}
        self.assertGreater(len(reads), 1)
        self.assertEqual(len(names), 1)
        releases = [request for request in told if request.release_reader]
        self.assertEqual([(release.release_reader, release.epoch) for release in releases], [(names.pop(), "")])
        self.assertIs(told[-1], releases[0])

    async def test_each_loop_has_a_name_and_other_modes_have_none(self) -> None:
        socket = await self.socket_with(3)
        reads = _spy(self.registry, "Read")
        told = _spy(self.registry, "Acknowledge")
        await self.next_of(socket, 1)
        await self.next_of(socket, 1)
        told.clear()
        async with socket.messages(mode="AUTO") as messages:
            async for _ in messages:
                break
        self.assertEqual([len(request.reader) for request in reads], [36, 36, 0])
        self.assertNotEqual(reads[0].reader, reads[1].reader)
        self.assertEqual(told, [])

    async def test_nothing_to_release(self) -> None:
        socket = await self.socket_with(0)
        told = _spy(self.registry, "Acknowledge")
        async with socket.messages():
            pass
        with self.assertRaisesRegex(RegistryError, "SOCKET_NOT_FOUND"):
            await _first_of(self.registry.socket("nobody"))
        with self.assertRaisesRegex(RegistryError, "CONSUMER_NOT_ALLOWED"):
            async for _ in socket.messages(consumer="auditor"):
                pass
        reading = asyncio.create_task(_first_of(socket))
        await until(lambda: self.has_readers(socket, 1), "it reads")
        await socket.delete()
        with self.assertRaisesRegex(RegistryError, "SOCKET_DELETED"):
            await reading
        await self.server.kill()
        with Ears() as ears:
            reading = asyncio.create_task(_first_of(socket))
            await until(lambda: _is(ears.heard("again in")), "it tries")
            await _cancel(reading)
        self.assertEqual(told, [])

    async def test_a_release_that_fails_is_nobodys_business(self) -> None:
        socket = await self.socket_with(1)
        log = logging.getLogger("socket_registry")
        self.addCleanup(log.setLevel, log.level)
        log.setLevel(logging.DEBUG)
        with Ears() as ears:
            async with socket.messages() as messages:
                async for message in messages:
                    await message.ack()
                    await self.server.kill()
                    break
            self.assertTrue(ears.heard("not released at x"))
        for record in ears.records:
            self.assertTrue(record.levelno == logging.DEBUG or "again in" in record.getMessage(), record.getMessage())


class Bodies:
    """Work on messages that goes on until it is cancelled."""

    def __init__(self) -> None:
        self._begun_count = 0

    async def work(self, _: Message) -> None:
        self._begun_count += 1
        await asyncio.Event().wait()

    async def until_begun(self, count: int) -> None:
        await until(lambda: _is(self._begun_count == count), f"{count} messages are worked on")


async def _first_of(socket: Socket) -> Message:
    async for message in socket.messages():
        return message
    raise AssertionError("a loop ends only with an error")


async def _is(truth: bool) -> bool:
    return truth


async def _cancel(task: asyncio.Future[Any]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def _spy(registry: Registry, method: str) -> list[Any]:
    """The requests of one method from now on, as they were when they were made."""
    requests: list[Any] = []
    call: Callable[..., Any] = getattr(registry.stub, method)

    def spied(request: Any, **options: Any) -> Any:
        requests.append(type(request).FromString(request.SerializeToString()))
        return call(request, **options)

    setattr(registry.stub, method, spied)
    return requests


if __name__ == "__main__":
    unittest.main()
