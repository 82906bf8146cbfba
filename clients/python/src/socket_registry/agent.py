"""An AI in the team: a socket that reads its messages, answers them, and shows that it is alive.

What its handler returns is written as the socket's own output, as an answer to the message: it appears on the team
feed, and an Ask gets it. It wakes nobody, so two agents do not answer each other in circles; `message.reply` is the way
into the sender's own queue.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from socketregistry.v1 import socket_registry_pb2 as pb

from socket_registry.errors import RegistryError
from socket_registry.info import SocketConfig, SocketInfo
from socket_registry.message import Message
from socket_registry.reopen import pause_after

if TYPE_CHECKING:
    from socket_registry.registry import Registry
    from socket_registry.socket import Socket

log = logging.getLogger("socket_registry")

#: Answers a message with a text, or with None for no answer.
Handler = Callable[[Message], Awaitable[str | None]]

_LEAVE_PATIENCE = 5.0
_PAUSE_MAX = 2.0

Result = TypeVar("Result")


async def run_agent(
    registry: Registry,
    socket_id: str,
    handler: Handler,
    *,
    description: Mapping[str, Any],
    lease: float,
    max_outstanding: int,
    retry_delay: float,
) -> None:
    """Runs the agent until its socket is deleted, which is its normal end, or until it is cancelled.

    Cancelled, it gives the message that it works on back, tells what it has done, leaves what it had not begun to the
    next reader at once, and marks itself INACTIVE; mail is collected meanwhile. It goes on over restarts of the server,
    and may start before it. It never makes a socket anew that was deleted while it ran.

    description: model, prompt, context and labels; what is not None is given to a socket that was there before, too.
    lease: after so many seconds without a sign of life the socket is UNRESPONSIVE. Zero: never.
    max_outstanding: how many messages are handled at once.
    retry_delay: how many seconds after a handler failed its message comes again.
    """
    has_joined = False
    try:
        socket = await _join(registry, socket_id, description, lease)
        has_joined = True
        alive = asyncio.create_task(_keep_alive(socket, lease))
        try:
            await socket.handle(_answering(socket, handler), max_outstanding=max_outstanding, retry_delay=retry_delay)
        finally:
            alive.cancel()
            await asyncio.gather(alive, return_exceptions=True)
    except RegistryError as error:
        if not error.is_gone:
            raise
    except asyncio.CancelledError:
        if has_joined:
            await _leave(registry, socket_id)
        raise


async def _join(registry: Registry, socket_id: str, description: Mapping[str, Any], lease: float) -> Socket:
    given = {name: value for name, value in description.items() if value is not None}
    config = SocketConfig(lease_duration=lease, accept_when_away=True)
    socket = await _persist(
        lambda: registry.create(socket_id, **given, config=config, on_conflict="USE_EXISTING"), "joining"
    )
    assert socket.created is not None, "it comes from a Create"
    info = SocketInfo.of(socket.created.socket)
    # A socket that was there before is brought up to date; one that is new has nothing to change.
    changed = {name: value for name, value in given.items() if getattr(info, name) != value}
    is_configured = info.config.lease_duration == lease and info.config.accept_when_away
    if changed or not is_configured:
        info = await _persist(lambda: socket.update(**changed, config=None if is_configured else config), "joining")
    if info.state == "INACTIVE" and info.state_reason == "CLIENT_LEFT":
        await _persist(socket.mark_active, "joining")
    return socket


async def _leave(registry: Registry, socket_id: str) -> None:
    try:
        await asyncio.wait_for(registry.socket(socket_id).mark_inactive("left"), _LEAVE_PATIENCE)
    except (RegistryError, asyncio.TimeoutError) as error:
        log.info("%s left without a word: %s", socket_id, error)


async def _keep_alive(socket: Socket, lease: float) -> None:
    if lease <= 0:
        return
    while True:
        await asyncio.sleep(lease / 3)
        try:
            await socket.registry.stub.Heartbeat(pb.HeartbeatRequest(socket_id=socket.id))
        except RegistryError as error:
            if error.is_gone:
                # The Read ends with it as well.
                return
            log.warning("no heartbeat of %s: %s", socket.id, error)


def _answering(socket: Socket, handler: Handler) -> Callable[[Message], Awaitable[None]]:
    async def answer(message: Message) -> None:
        text = await handler(message)
        if text is None:
            return
        try:
            await _persist(
                lambda: socket.say(
                    text,
                    thread_id=message.thread_id,
                    reply_to=message.message_id,
                    request_id=f"{socket.id}-{message.message_id}",
                ),
                "answering",
            )
        except RegistryError as error:
            # An earlier attempt has answered, in other words, and nobody heard that it was done.
            if error.reason != "REQUEST_ID_REUSED":
                raise

    return answer


async def _persist(call: Callable[[], Awaitable[Result]], doing: str) -> Result:
    """Makes a call, which must be one that may be made twice, until it is answered."""
    failures = 0
    while True:
        try:
            return await call()
        except RegistryError as error:
            if not error.is_unanswered:
                raise
            failures += 1
            pause = pause_after(failures, _PAUSE_MAX)
            log.warning("%s; %s again in %.1f s", error, doing, pause)
        await asyncio.sleep(pause)
