"""What the conformance run cannot tell of the loops: how each form is left, and that nothing stays behind."""

from __future__ import annotations

import asyncio
import signal
import time
import unittest
from unittest import mock

from served import ServedTest
from server import Ears, until
from socket_registry import Event, Message, RegistryError, Socket, connect
from socketregistry.v1 import socket_registry_pb2 as pb


class MessagesTest(ServedTest):
    async def next_of(self, socket: Socket) -> Message:
        """The message that a reader gets now, which leaves it as it is."""
        frames = self.registry.stub.Read(_look(socket.id))
        async for frame in frames:
            if frame.messages:
                frames.cancel()
                return Message(frame.messages[0], socket)
        raise AssertionError("the stream ended")

    async def test_a_break_of_a_plain_loop_gives_the_message_back(self) -> None:
        socket = await self.socket_with(2)
        async for message in socket.messages():
            self.assertEqual(message.content, "0")
            break
        await self.until_settled(socket, 2)
        async for message in socket.messages():
            self.assertEqual((message.content, message.delivery_attempt), ("0", 2))
            await message.ack()
            break
        await self.until_settled(socket, 1)

    async def test_an_exception_in_a_plain_loop_gives_the_message_back(self) -> None:
        socket = await self.socket_with(1)
        with self.assertRaises(ZeroDivisionError):
            async for _ in socket.messages():
                raise ZeroDivisionError
        await self.until_settled(socket, 1)
        self.assertEqual((await self.next_of(socket)).delivery_attempt, 2)

    async def test_an_async_with_tells_a_break_from_an_exception(self) -> None:
        socket = await self.socket_with(2)
        with self.assertRaises(ZeroDivisionError):
            async with socket.messages() as messages:
                async for message in messages:
                    raise ZeroDivisionError
        self.assertEqual((await socket.info()).queue_size, 2)
        async with socket.messages() as messages:
            async for message in messages:
                self.assertEqual((message.content, message.delivery_attempt), ("0", 2))
                break
        # Told when the block is left, with no waiting for it.
        self.assertEqual((await socket.info()).queue_size, 1)

    async def test_a_cancelled_loop_gives_back_and_leaves_no_task(self) -> None:
        for max_outstanding in (1, 10):
            socket = await self.socket_with(10)
            before = asyncio.all_tasks()
            in_body = asyncio.Event()

            async def work() -> None:
                async for _ in socket.messages(max_outstanding=max_outstanding):
                    in_body.set()
                    await asyncio.Event().wait()

            task = asyncio.create_task(work())
            await in_body.wait()
            task.cancel()
            with self.assertRaises(asyncio.CancelledError):
                await task

            async def is_alone() -> bool:
                return asyncio.all_tasks() <= before

            await until(is_alone, "every task has ended")
            self.assertEqual((await socket.info()).queue_size, 10)
            self.assertEqual(self.registry.activities, set())

    async def test_cancelled_while_it_waits(self) -> None:
        socket = await self.socket_with(0)
        before = asyncio.all_tasks()
        waiting = asyncio.create_task(first_of(socket))
        await until(lambda: self.has_readers(socket, 1), "it reads")
        waiting.cancel()
        with self.assertRaises(asyncio.CancelledError):
            await waiting
        await until(lambda: self.has_readers(socket, 0), "it reads no longer")
        self.assertLessEqual(asyncio.all_tasks(), before)

    async def test_a_body_slower_than_the_deadline_keeps_its_message(self) -> None:
        for max_outstanding in (1, 3):
            socket = await self.socket_with(3, ack_deadline=0.3)
            seen: list[tuple[str, int]] = []
            async with socket.messages(max_outstanding=max_outstanding) as messages:
                async for message in messages:
                    seen.append((message.content, message.delivery_attempt))
                    # Longer than the deadline, for what is in the body as for what waits behind it.
                    start = time.monotonic()
                    await until(lambda: _after(start + 0.5), "the body has taken its time")
                    if len(seen) == 3:
                        break
            self.assertEqual(seen, [("0", 1), ("1", 1), ("2", 1)])
            self.assertEqual((await socket.info()).queue_size, 0)

    async def test_close_flushes(self) -> None:
        socket = await self.socket_with(0)
        await asyncio.gather(*(socket.write(str(number)) for number in range(1_000)))
        registry = connect(self.server.address)
        count = 0
        async for _ in registry.socket("x").messages(max_outstanding=1_000):
            count += 1
            if count == 1_000:
                break
        await registry.close()
        # The last one was not acknowledged when the loop was left.
        await self.until_settled(socket, 1)

    async def test_close_ends_a_loop_that_another_task_is_in(self) -> None:
        socket = await self.socket_with(0)
        registry = connect(self.server.address)
        waiting = asyncio.create_task(first_of(registry.socket("x")))
        await until(lambda: self.has_readers(socket, 1), "it reads")
        await registry.close()
        with self.assertRaises(RuntimeError):
            await waiting

    async def test_gap_and_reset_are_told(self) -> None:
        socket = await self.socket_with(5, max_queue_size=3, overflow_policy="DROP_OLDEST")
        events: list[Event] = []
        contents: list[str] = []
        async with socket.messages(on_event=events.append) as messages:
            async for message in messages:
                contents.append(message.content)
                if message.content == "2":
                    await socket.reset()
                    await socket.write("new")
                if message.content == "new":
                    break
        self.assertEqual(contents, ["2", "new"])
        self.assertEqual([(event.kind, event.dropped_count) for event in events][0], ("GAP", 2))
        self.assertEqual((events[0].gap_reason, events[-1].kind), ("OVERFLOW", "RESET"))

    async def test_without_a_listener_events_are_logged(self) -> None:
        socket = await self.socket_with(5, max_queue_size=3, overflow_policy="DROP_OLDEST")
        with Ears() as ears:
            async for message in socket.messages():
                break
            self.assertTrue(ears.heard("2 messages will never come: OVERFLOW"))

    async def test_a_deleted_socket_ends_the_loop_with_its_reason(self) -> None:
        socket = await self.socket_with(1)
        with self.assertRaises(RegistryError) as raised:
            async for _ in socket.messages():
                await socket.delete()
        self.assertEqual((raised.exception.reason, raised.exception.metadata), ("SOCKET_DELETED", {"socket_id": "x"}))

    async def test_an_acknowledgement_that_cannot_be_told_is_said_loudly(self) -> None:
        socket = await self.socket_with(1)
        # Patience is not what is tested here, nor how long it is.
        with Ears() as ears, mock.patch("socket_registry.deliveries._PATIENCE", 1.0):
            async with socket.messages() as messages:
                async for _ in messages:
                    await self.server.kill()
                    break
            self.assertTrue(ears.heard("not told in time, and may come again"))

    async def test_a_killed_server_loses_nothing_and_repeats_nothing_that_was_acknowledged(self) -> None:
        count = 10_000
        socket = await self.registry.create("x")
        for start in range(0, count, 500):
            await asyncio.gather(*(socket.write(str(number)) for number in range(start, start + 500)))
        seen: list[int] = []
        missing = set(range(1, count + 1))
        restart: asyncio.Task[None] | None = None
        with Ears() as ears:
            async with socket.messages(max_outstanding=100) as messages:
                async for message in messages:
                    seen.append(message.sequence)
                    missing.discard(message.sequence)
                    if len(seen) == count // 2:
                        await self.server.kill(signal.SIGKILL)
                        restart = asyncio.create_task(self.server.start())
                    if not missing:
                        break
            self.assertTrue(ears.heard("reading x again in"))
        assert restart is not None
        await restart
        self.assertEqual(sorted(seen), list(range(1, count + 1)), "each came once")
        self.assertEqual((await socket.info()).queue_size, 0)


async def first_of(socket: Socket) -> Message:
    async for message in socket.messages():
        return message
    raise AssertionError("a loop ends only with an error")


async def _after(moment: float) -> bool:
    return time.monotonic() >= moment


def _look(socket_id: str) -> pb.ReadRequest:
    return pb.ReadRequest(socket_id=socket_id, ack_mode=pb.ACK_MODE_EXPLICIT)


if __name__ == "__main__":
    unittest.main()
