"""A question and its replies."""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from collections.abc import AsyncGenerator, Generator
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from socketregistry.v1 import socket_registry_pb2 as pb

from socket_registry.calls import Frames
from socket_registry.errors import RegistryError
from socket_registry.message import Message
from socket_registry.reopen import pause_after
from socket_registry.values import seconds_of

if TYPE_CHECKING:
    from socket_registry.registry import Registry

log = logging.getLogger("socket_registry")

_TIMEOUT_DEFAULT = 30.0
_PAUSE_MAX = 2.0


@dataclass(frozen=True)
class Answers:
    """All that came of a question."""

    #: In the order in which they came.
    replies: list[Message]
    #: Who answered, and who did not and why.
    summary: pb.AskSummary


class Ask:
    """A question, asked when it is iterated over or awaited. Once.

    While the server is away it is asked again, with the same request_id: the server does not put it twice, and replies
    that were given are not given again. It fails with RegistryError when the server stays away for longer than a call
    may take, beyond the time for replies, or refuses.
    """

    #: How the question was delivered. None before it was.
    asked: pb.WriteResponse | None
    #: Who answered, and who did not and why. None before the end.
    summary: pb.AskSummary | None

    def __init__(self, registry: Registry, request: pb.AskRequest) -> None:
        self._registry = registry
        self._request = request
        if not request.request_id:
            request.request_id = str(uuid.uuid4())
        self._seen: set[str] = set()
        self._steps = self._run()
        self.asked = None
        self.summary = None

    async def put(self) -> pb.WriteResponse:
        """Puts the question, and returns when it is durable, with how it was delivered. Iterate for the replies."""
        if self.asked is None:
            await anext(self._steps, None)
        assert self.asked is not None, "it is the first thing that the server tells"
        return self.asked

    async def __aiter__(self) -> AsyncGenerator[Message, None]:
        async with aclosing(self._steps) as steps:
            async for reply in steps:
                if reply is not None:
                    yield reply

    def __await__(self) -> Generator[Any, None, Answers]:
        return self._collect().__await__()

    async def _collect(self) -> Answers:
        replies = [reply async for reply in self]
        return Answers(replies, self.summary or pb.AskSummary())

    async def _run(self) -> AsyncGenerator[Message | None, None]:
        """None when the question was put, and then the replies."""
        failures = 0
        give_up_at = time.monotonic() + self._registry.timeout
        while self.summary is None:
            frames = cast(Frames[pb.AskResponse], self._registry.stub.Ask(self._request))
            try:
                while (frame := await frames.next(None)) is not None:
                    failures = 0
                    is_put = self.asked is None and frame.HasField("asked")
                    reply = self._take(frame)
                    if is_put:
                        give_up_at += self._reply_time()
                    if is_put or reply is not None:
                        yield reply
                return
            except RegistryError as error:
                if not error.is_broken or time.monotonic() > give_up_at:
                    raise
                failures += 1
                pause = pause_after(failures, _PAUSE_MAX)
                log.warning("%s; asking again in %.1f s", error, pause)
            finally:
                frames.cancel()
            await asyncio.sleep(pause)

    def _take(self, frame: pb.AskResponse) -> Message | None:
        step = frame.WhichOneof("step")
        if step == "asked":
            self.asked = self.asked or frame.asked
        elif step == "summary":
            self.summary = frame.summary
        elif step == "reply" and frame.reply.message_id not in self._seen:
            self._seen.add(frame.reply.message_id)
            # A reply belongs to who wrote it, and is in no queue here.
            return Message(frame.reply, self._registry.socket(frame.reply.recipient))
        return None

    def _reply_time(self) -> float:
        return seconds_of(self._request.timeout) if self._request.HasField("timeout") else _TIMEOUT_DEFAULT
