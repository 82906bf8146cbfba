"""What an EXPLICIT Read handed to us: it is acknowledged, given back, or held so that it does not come again meanwhile.

What is told the server is told over its restarts. One call is under way at a time, and what comes meanwhile goes with
the next.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import grpc
from google.protobuf.duration_pb2 import Duration
from socketregistry.v1 import socket_registry_pb2 as pb

from socket_registry.errors import RegistryError
from socket_registry.reopen import pause_after
from socket_registry.values import duration_if, duration_of, seconds_of

if TYPE_CHECKING:
    from socketregistry.v1.socket_registry_pb2_grpc import SocketRegistryAsyncStub

log = logging.getLogger("socket_registry")

_SEQUENCES_MAX = 10_000
_PAUSE_MAX = 2.0
_PATIENCE = 10.0
# A stream that breaks leaves its deliveries 15 seconds, unless they are held once more.
_HOLD_PERIOD_MAX = 5.0
_HOLD_PERIOD_MIN = 0.01

_Place = tuple[str, int]


@dataclass
class _Word:
    """One thing to tell of one message."""

    message: pb.Message
    #: None: it is settled. Else it is given back, to be delivered again after so many seconds.
    retry_delay: float | None
    #: Resolved when the server knows, where somebody waits for that.
    told: asyncio.Future[None] | None


class Deliveries:
    """The deliveries of one loop. It owns two tasks from `start` to `close`."""

    def __init__(self, stub: SocketRegistryAsyncStub, socket_id: str, consumer: str, reader: str) -> None:
        self._stub = stub
        self._socket_id = socket_id
        self._consumer = consumer
        # What the loop calls its streams.
        self._reader = reader
        # In the buffer or in the body.
        self._held: dict[_Place, pb.Message] = {}
        # Not told yet, in order; what is under way stays in it.
        self._words: dict[_Place, _Word] = {}
        self._extends_are_due = False
        self._is_gone = False
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        self._tasks = [asyncio.create_task(self._tell()), asyncio.create_task(self._hold())]

    def take(self, message: pb.Message) -> bool:
        """Holds a message that came. False for one that is here already and must not be handed out twice."""
        place = _place_of(message)
        word = self._words.get(place)
        if place in self._held or (word is not None and not _is_next_attempt(message, word)):
            return False
        self._held[place] = message
        return True

    def holds(self, message: pb.Message) -> bool:
        """Whether the message is still to be settled."""
        return self._held.get(_place_of(message)) is message

    def forget(self, epoch: str) -> None:
        """Lets go of what is of another epoch: the queue was cleared."""
        self._held = {place: message for place, message in self._held.items() if place[0] == epoch}

    def settle(self, message: pb.Message, retry_delay: float | None = None) -> None:
        """Acknowledges, or, with a delay in seconds, gives back. Nobody has to wait for it. Once for each message."""
        self._say(message, retry_delay, None)

    async def settle_now(self, message: pb.Message, retry_delay: float | None = None) -> None:
        """The same, and waits until the server knows. Raises RegistryError when it refuses."""
        told: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if self._say(message, retry_delay, told):
            await told

    async def extend(self, message: pb.Message, seconds: float | None) -> None:
        """Gives a message a new deadline: the socket's, or so many seconds from now."""
        request = self._request(message.epoch, extend_sequences=[message.sequence], ack_deadline=duration_if(seconds))
        await self._stub.Acknowledge(request)

    async def close(self, *, release: bool) -> None:
        """Holds nothing any longer, and waits until everything is told, but not for ever.

        release: whether the server may have something in flight to the loop, whose streams have ended by now.
        """
        self._held.clear()
        ending = asyncio.create_task(self._end(release))
        try:
            # Not wait_for, which before Python 3.12 loses a cancellation that comes at the wrong moment.
            await asyncio.wait({ending}, timeout=_PATIENCE)
        finally:
            for task in (ending, *self._tasks):
                task.cancel()
            await asyncio.gather(ending, *self._tasks, return_exceptions=True)
            self._give_up()

    def _say(self, message: pb.Message, retry_delay: float | None, told: asyncio.Future[None] | None) -> bool:
        place = _place_of(message)
        if not self.holds(message):
            return False
        del self._held[place]
        self._words[place] = _Word(message, retry_delay, told)
        self._idle.clear()
        self._wake.set()
        return True

    async def _end(self, release: bool) -> None:
        await self._idle.wait()
        # Last, because what is given back may have been sent to a stream that nobody reads any more.
        if release and not self._is_gone:
            await self._release()

    async def _release(self) -> None:
        """Has what nobody looked at wait for the next reader."""
        # Without an epoch: that of the last message may not be the queue's any more.
        request = self._request("")
        request.release_reader = self._reader
        try:
            await self._stub.Acknowledge(request)
        except RegistryError as error:
            # Then it waits again when the server's patience with the stream is over.
            log.debug("not released at %s: %s", self._socket_id, error)

    async def _tell(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._words:
                batch = list(self._next_batch())
                await self._tell_batch(batch)
            self._idle.set()
            if self._extends_are_due:
                self._extends_are_due = False
                await self._extend_all()

    def _next_batch(self) -> Iterator[_Word]:
        """What one call can tell: one epoch, one delay."""
        epoch: str | None = None
        delay: float | None = None
        count = 0
        for word in self._words.values():
            epoch = word.message.epoch if epoch is None else epoch
            delay = word.retry_delay if delay is None else delay
            if word.message.epoch == epoch and word.retry_delay in (None, delay) and count < _SEQUENCES_MAX:
                count += 1
                yield word

    async def _tell_batch(self, batch: list[_Word]) -> None:
        delays = [word.retry_delay for word in batch if word.retry_delay is not None]
        request = self._request(
            batch[0].message.epoch,
            sequences=[word.message.sequence for word in batch if word.retry_delay is None],
            nack_sequences=[word.message.sequence for word in batch if word.retry_delay is not None],
            retry_delay=duration_of(delays[0]) if delays else None,
        )
        try:
            await self._persist(request)
            failure = None
        except RegistryError as error:
            failure = error
            self._is_gone = error.is_gone
        for word in batch:
            place = _place_of(word.message)
            # What was given back may have come again and been settled before we heard of it.
            if self._words.get(place) is word:
                del self._words[place]
            if word.told is None or word.told.done():
                if failure is not None:
                    # Where the socket is gone there is nothing that could come again.
                    level = logging.DEBUG if failure.is_gone else logging.ERROR
                    log.log(level, "not told, and may come again: %s of %s; %s", *_name_of(word), failure)
            elif failure is None:
                word.told.set_result(None)
            else:
                word.told.set_exception(failure)

    async def _persist(self, request: pb.AcknowledgeRequest) -> None:
        """Asks until there is an answer."""
        failures = 0
        while True:
            try:
                response = await self._stub.Acknowledge(request)
            except RegistryError as error:
                if not error.is_unanswered:
                    raise
                failures += 1
                await asyncio.sleep(pause_after(failures, _PAUSE_MAX))
                continue
            # What an attempt without an answer has settled is stale to the next one, and no news.
            if response.stale_sequences and failures == 0:
                log.debug("stale at %s: %s", self._socket_id, list(response.stale_sequences))
            return

    async def _extend_all(self) -> None:
        epochs = {epoch for epoch, _ in self._held}
        for epoch in epochs:
            sequences = [sequence for of, sequence in self._held if of == epoch][:_SEQUENCES_MAX]
            try:
                await self._stub.Acknowledge(self._request(epoch, extend_sequences=sequences))
            except RegistryError as error:
                # Without an answer the next period asks again; without the socket there is nothing to hold.
                log.debug("not extended at %s: %s", self._socket_id, error)

    async def _hold(self) -> None:
        deadline = await self._find_deadline()
        period = min(_HOLD_PERIOD_MAX, deadline / 3) if deadline else _HOLD_PERIOD_MAX
        while True:
            await asyncio.sleep(max(_HOLD_PERIOD_MIN, period))
            if self._held:
                self._extends_are_due = True
                self._wake.set()

    async def _find_deadline(self) -> float:
        """The socket's ack_deadline in seconds. Zero: none, or unknown."""
        try:
            found = await self._stub.GetSocketInfo(pb.GetSocketInfoRequest(socket_id=self._socket_id))
            if found.socket.config.HasField("ack_deadline"):
                return seconds_of(found.socket.config.ack_deadline)
            server = await self._stub.GetServerInfo(pb.GetServerInfoRequest())
            return server.limits["ack_deadline_ms"] / 1_000
        except RegistryError as error:
            if not error.is_unanswered:
                # The Read says the same to who can do something about it.
                return 0.0
        await asyncio.sleep(1.0)
        return await self._find_deadline()

    def _give_up(self) -> None:
        for word in self._words.values():
            log.error("not told in time, and may come again: %s of %s", *_name_of(word))
            if word.told is not None and not word.told.done():
                text = f"{self._socket_id}: the loop ended before the server could be told"
                word.told.set_exception(RegistryError(grpc.StatusCode.UNAVAILABLE, text))
        self._words.clear()

    def _request(
        self,
        epoch: str,
        *,
        sequences: list[int] | None = None,
        nack_sequences: list[int] | None = None,
        extend_sequences: list[int] | None = None,
        retry_delay: Duration | None = None,
        ack_deadline: Duration | None = None,
    ) -> pb.AcknowledgeRequest:
        return pb.AcknowledgeRequest(
            socket_id=self._socket_id,
            consumer=self._consumer,
            epoch=epoch,
            sequences=sequences,
            nack_sequences=nack_sequences,
            extend_sequences=extend_sequences,
            retry_delay=retry_delay,
            ack_deadline=ack_deadline,
        )


def _place_of(message: pb.Message) -> _Place:
    return message.epoch, message.sequence


def _is_next_attempt(message: pb.Message, word: _Word) -> bool:
    """Whether it comes because it was given back: the server may be quicker with it than with its answer."""
    return word.retry_delay is not None and message.delivery_attempt > word.message.delivery_attempt


def _name_of(word: _Word) -> tuple[str, str]:
    what = "the acknowledgement" if word.retry_delay is None else "the giving back"
    return what, f"message {word.message.message_id}"
