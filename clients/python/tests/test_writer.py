"""The writer: what goes in one frame, how much is under way, and what becomes of each write."""

from __future__ import annotations

import asyncio
import unittest
from collections.abc import Sequence
from unittest import mock

import grpc
from scripted import Script, scripted
from served import ServedTest
from server import Ears
from socket_registry import Registry, RegistryError, Writer, connect
from socketregistry.v1 import socket_registry_pb2 as pb

Answer = asyncio.Future[pb.WriteResponse]


def numbered(count: int, end: str = "") -> list[str]:
    """The texts "1", "2" and so on, each with this behind it."""
    return [f"{number + 1}{end}" for number in range(count)]


def write_all(writer: Writer, texts: Sequence[str]) -> list[Answer]:
    return [writer.write("x", text) for text in texts]


async def codes_of(answers: Sequence[Answer]) -> list[grpc.StatusCode]:
    """The codes with which these writes fail."""
    errors = await asyncio.gather(*answers, return_exceptions=True)
    return [error.code if isinstance(error, RegistryError) else grpc.StatusCode.OK for error in errors]


class ScriptedTest(unittest.IsolatedAsyncioTestCase):
    script: Script
    registry: Registry
    writer: Writer

    async def asyncSetUp(self) -> None:
        context = scripted()
        self.script = await context.__aenter__()
        self.addAsyncCleanup(context.__aexit__, None, None, None)
        self.registry = connect(self.script.address)
        self.addAsyncCleanup(self.registry.close)
        self.writer = self.open()

    def open(self, patience: float = 300.0) -> Writer:
        writer = self.registry.writer(patience=patience)
        self.addCleanup(writer.cancel)
        return writer

    async def test_what_is_written_at_once_is_one_frame_and_what_comes_meanwhile_the_next(self) -> None:
        answers = write_all(self.writer, ["a", "b"])
        answers.append(self.writer.write("y", "c", {"n": 1}, sender="me", thread_id="t", request_id="r"))
        call = await self.script.call()
        await call.got(3)
        answers += write_all(self.writer, ["d"])
        await call.got(4)
        self.assertEqual(call.sizes, [3, 1])
        self.assertEqual(call.texts, ["a", "b", "c", "d"])
        third = call.writes[2]
        self.assertEqual((third.socket_id, third.sender, third.thread_id, third.request_id), ("y", "me", "t", "r"))
        self.assertEqual(third.metadata.fields["n"].number_value, 1)
        self.assertEqual(len({write.request_id for write in call.writes} - {""}), 4)
        await call.answer(1, "first")
        await call.answer(3, "then")
        ids = [answer.message_id for answer in await asyncio.gather(*answers)]
        self.assertEqual(ids, ["first0", "then0", "then1", "then2"])

    async def test_a_frame_has_a_bound(self) -> None:
        write_all(self.writer, numbered(2_500))
        call = await self.script.call()
        await call.got(2_500)
        self.assertEqual(call.sizes, [1_000, 1_000, 500])
        await call.answer(2_500)
        write_all(self.writer, ["x" * (kibibytes * 1_024) for kibibytes in (100, 100, 100, 300, 10)])
        await call.got(2_505)
        self.assertEqual(call.sizes[3:], [2, 1, 1, 1])
        await call.answer(5)
        await self.writer.close()

    async def test_no_more_than_a_bound_is_under_way(self) -> None:
        for texts, limit in ((numbered(5_000), 4_096), (numbered(10, "x" * 1_000_000), 4)):
            with self.subTest(limit=limit):
                writer = self.open()
                await writer.ready()
                answers = write_all(writer, texts)
                ready = asyncio.create_task(writer.ready())
                call = await self.script.call()
                await call.got(limit)
                await call.answer(1)
                await call.got(limit + 1)
                self.assertEqual(call.texts, texts[: limit + 1])
                self.assertFalse(ready.done())
                for answered in range(1, len(texts), limit):
                    await call.got(min(answered + limit, len(texts)))
                    await call.answer(min(limit, len(texts) - answered))
                await ready
                await asyncio.gather(*answers)
                self.assertEqual(call.texts, texts)

    async def test_after_a_break_what_is_not_answered_is_sent_again(self) -> None:
        answers = write_all(self.writer, numbered(6))
        before = await self.script.call()
        await before.got(6)
        await before.answer(2)
        await answers[1]
        with Ears() as ears:
            await before.fail(grpc.StatusCode.UNAVAILABLE)
            answers += write_all(self.writer, ["7"])
            after = await self.script.call()
        self.assertTrue(ears.heard("writing again in"))
        await after.got(5)
        self.assertEqual(after.texts, ["3", "4", "5", "6", "7"])
        self.assertEqual(
            [write.request_id for write in after.writes[:4]], [write.request_id for write in before.writes[2:]]
        )
        await after.answer(5, "again")
        ids = [answer.message_id for answer in await asyncio.gather(*answers)]
        self.assertEqual(ids, ["m0", "m1", *(f"again{index}" for index in range(5))])

    async def test_a_call_that_is_refused_fails_what_is_not_answered(self) -> None:
        answers = write_all(self.writer, numbered(2))
        call = await self.script.call()
        await call.got(2)
        await call.fail(grpc.StatusCode.UNAUTHENTICATED)
        self.assertEqual(await codes_of(answers), [grpc.StatusCode.UNAUTHENTICATED] * 2)
        answers = write_all(self.writer, ["3"])
        another = await self.script.call()
        await another.got(1)
        await another.answer(1)
        await answers[0]

    async def test_patience_has_an_end(self) -> None:
        answers = write_all(self.open(patience=0.0), numbered(2))
        call = await self.script.call()
        await call.got(2)
        await call.fail(grpc.StatusCode.UNAVAILABLE)
        self.assertEqual(await codes_of(answers), [grpc.StatusCode.UNAVAILABLE] * 2)

    async def test_close_waits_for_the_answers(self) -> None:
        async with self.writer as writer:
            answer = writer.write("x", "one")
            closing = asyncio.create_task(writer.close())
            call = await self.script.call()
            await call.got(1)
            self.assertFalse(closing.done())
            await call.answer(1)
        self.assertTrue(answer.done())
        await closing
        with self.assertRaises(RuntimeError):
            self.writer.write("x", "late")
        self.assertEqual(self.registry.activities, set())

    async def test_one_that_has_written_nothing_closes_without_a_call(self) -> None:
        await self.writer.close()
        self.assertFalse(self.script.has_more)

    async def test_cancelling_gives_up_what_is_not_answered(self) -> None:
        answers: list[Answer] = []

        async def body() -> None:
            async with self.writer as writer:
                answers.extend(write_all(writer, numbered(2)))
                await asyncio.gather(*answers)

        writing = asyncio.create_task(body())
        call = await self.script.call()
        await call.got(2)
        writing.cancel()
        await asyncio.wait([writing])
        self.assertTrue(writing.cancelled())
        self.assertTrue(all(answer.cancelled() for answer in answers))
        await call.is_over.wait()


class RealTest(ServedTest):
    async def test_a_refusal_is_the_error_of_a_write_of_its_own(self) -> None:
        await self.socket_with(0)
        async with self.registry.using(sender="me").writer() as writer:
            refused, fine = writer.write("nobody", "?"), writer.write("x", "fine")
            with self.assertRaises(TypeError):
                writer.write("x", "?", {"n": object()})
        await fine
        with self.assertRaises(RegistryError) as one:
            await refused
        with self.assertRaises(RegistryError) as single:
            await self.registry.socket("nobody").write("?")
        self.assertEqual(str(one.exception), str(single.exception))
        self.assertEqual(one.exception.__reduce__(), single.exception.__reduce__())
        messages = await self.registry.socket("x").drain()
        self.assertEqual([(message.content, message.sender) for message in messages], [("fine", "me")])

    async def test_closing_the_registry_closes_its_writers(self) -> None:
        socket = await self.socket_with(0, max_queue_size=2_000)
        registry = connect(self.server.address)
        answers = write_all(registry.writer(), numbered(2_000))
        await registry.close()
        await asyncio.gather(*answers)
        self.assertEqual([message.content for message in await socket.drain()], numbered(2_000))

    async def test_a_server_that_never_answers_does_not_hold_up_the_end(self) -> None:
        await self.server.kill()
        answer = self.registry.writer().write("x", "?")
        with mock.patch("socket_registry.writer._FLUSH", 0.1):
            await self.registry.close()
        self.assertTrue(answer.cancelled())


if __name__ == "__main__":
    unittest.main()
