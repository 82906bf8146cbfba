"""One message, as a reader of a queue gets it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from socketregistry.v1 import socket_registry_pb2 as pb

from socket_registry.values import datetime_of, dict_of

if TYPE_CHECKING:
    from socket_registry.deliveries import Deliveries
    from socket_registry.socket import Socket

TEAM = "team-chat-all"


class Message:
    """A message. Those of an EXPLICIT loop are settled by the loop, or before its body ends by `ack` or `nack`."""

    #: `[team-chat-from-S]`: S is the sender when there is one, else the socket whose queue it is. Never parse it.
    header: str
    #: What the author wrote.
    content: str
    #: The same for every copy of a broadcast. Opaque.
    message_id: str
    #: The author, as it named itself. Empty when it did not.
    sender: str
    #: The address as the author wrote it.
    recipient: str
    #: `[team-chat-to-R]`, R being the recipient.
    to_header: str
    #: The place in the queue, from 1 in each epoch. Zero for a reply to an Ask, which is in no queue.
    sequence: int
    #: The epoch the sequence belongs to.
    epoch: str
    #: The thread the message belongs to, and the message_id that it answers, when its author said so.
    thread_id: str
    reply_to: str
    #: 1 for a first attempt, one more for each that failed. Zero where nothing is delivered.
    delivery_attempt: int
    #: Whether the server vouches for the sender.
    sender_verified: bool
    #: The message as it came.
    proto: pb.Message

    def __init__(self, proto: pb.Message, socket: Socket, deliveries: Deliveries | None = None) -> None:
        self.proto = proto
        self.header = proto.header
        self.content = proto.content
        self.message_id = proto.message_id
        self.sender = proto.sender
        self.recipient = proto.recipient
        self.to_header = proto.to_header
        self.sequence = proto.sequence
        self.epoch = proto.epoch
        self.thread_id = proto.thread_id
        self.reply_to = proto.reply_to
        self.delivery_attempt = proto.delivery_attempt
        self.sender_verified = proto.sender_verified
        self._socket = socket
        self._deliveries = deliveries

    def __repr__(self) -> str:
        return f"Message({self.message_id!r}, {self.header} {self.content!r})"

    @cached_property
    def metadata(self) -> dict[str, Any]:
        """What the author attached."""
        return dict_of(self.proto.metadata)

    @cached_property
    def trace_context(self) -> dict[str, str]:
        """The author's trace: the W3C keys `traceparent` and `tracestate`."""
        return dict(self.proto.trace_context)

    @cached_property
    def timestamp(self) -> datetime:
        """When the server took it, in UTC."""
        return datetime_of(self.proto.timestamp)

    async def ack(self) -> None:
        """Settles the message, and returns when that is durable. What was settled before stays as it was.

        Raises RegistryError when the server refuses, and when the loop ends before the server could be told.
        """
        await self._owner().settle_now(self.proto)

    async def nack(self, retry_delay: float = 0.0) -> None:
        """Gives the message back: the attempt has failed. It comes again after so many seconds, or is parked."""
        await self._owner().settle_now(self.proto, retry_delay)

    async def extend(self, seconds: float | None = None) -> None:
        """Asks for more time: so many seconds from now, or the socket's ack_deadline.

        The loop does so by itself every few seconds, for as long as the message is not settled.
        """
        await self._owner().extend(self.proto, seconds)

    async def reply(
        self, text: str, metadata: Mapping[str, Any] | None = None, *, sender: str | None = None
    ) -> pb.WriteResponse:
        """Writes into the queue of the message's sender, as an answer to it and in its thread.

        It is signed with `sender`, else with the sender that `connect` was given, else with the socket the message was
        read from. Raises ValueError for an unsigned message, and RegistryError as a write does.
        """
        if not self.sender:
            raise ValueError(f"message {self.message_id} is unsigned: nobody is there to reply to")
        author = sender if sender is not None else self._socket.registry.sender or self._own_id()
        to = self._socket.registry.socket(self.sender)
        return await to.write(text, metadata, sender=author, reply_to=self.message_id, thread_id=self.thread_id)

    def _own_id(self) -> str:
        return "" if self._socket.id == TEAM else self._socket.id

    def _owner(self) -> Deliveries:
        if self._deliveries is None:
            raise ValueError(f"message {self.message_id} was not read in EXPLICIT mode: there is nothing to settle")
        return self._deliveries
