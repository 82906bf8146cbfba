"""The API of the Python original, `rhetor.core.ai_socket_registry`, word for word, over this registry.

    from socket_registry import get_socket_registry

    registry = await get_socket_registry()

is the one line that changes in a program. The server is at SOCKET_REGISTRY_ADDRESS, else at 127.0.0.1:50051.
"""

from __future__ import annotations

import asyncio
import logging
import os
import weakref
from collections.abc import Awaitable, Mapping
from datetime import datetime, timezone
from typing import Any

from socket_registry.errors import Reason, RegistryError
from socket_registry.info import SocketInfo
from socket_registry.message import Message
from socket_registry.registry import Registry, connect

log = logging.getLogger("socket_registry")

ADDRESS_VARIABLE = "SOCKET_REGISTRY_ADDRESS"
CONFLICT_VARIABLE = "SOCKET_REGISTRY_ON_CONFLICT"

# An id that can be none is an id that nobody has.
_MISSING: tuple[Reason, ...] = ("SOCKET_NOT_FOUND", "INVALID_SOCKET_ID", "SOCKET_DELETED")
_REFUSED: tuple[Reason, ...] = (*_MISSING, "SOCKET_UNRESPONSIVE", "SOCKET_INACTIVE", "BROADCAST_SOCKET_PROTECTED")

_registries: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, SocketRegistry] = weakref.WeakKeyDictionary()


async def get_socket_registry() -> SocketRegistry:
    """The registry of this event loop, the same one at each call."""
    loop = asyncio.get_running_loop()
    registry = _registries.get(loop)
    if registry is None:
        registry = SocketRegistry(connect(os.environ.get(ADDRESS_VARIABLE) or "127.0.0.1:50051"))
        _registries[loop] = registry
    return registry


class SocketRegistry:
    """The original's methods with the original's answers: False, an empty list or None where there is no such socket.

    What the original could not meet is a RegistryError: a server that does not answer, an argument that is refused.
    """

    #: Everything else that the registry can do.
    registry: Registry

    def __init__(self, registry: Registry) -> None:
        self.registry = registry

    def as_socket(self, socket_id: str) -> SocketRegistry:
        """The same API, whose writes are signed by this socket.

        What an AI then writes to its own socket goes to `team-chat-all`, and is not what it reads next.
        """
        return SocketRegistry(self.registry.using(sender=socket_id))

    async def close(self) -> None:
        """Disconnects. The next get_socket_registry connects anew."""
        loop = asyncio.get_running_loop()
        if loop in _registries and _registries[loop].registry.activities is self.registry.activities:
            del _registries[loop]
        await self.registry.close()

    async def create(
        self,
        model: str,
        prompt: str,
        context: Mapping[str, Any] | None = None,
        socket_id: str | None = None,
    ) -> str:
        """Makes a socket, and returns its id. Without an id the server makes one.

        An id that is taken is taken over: the socket gets the new model, prompt and context, is active, and keeps its
        mail. With SOCKET_REGISTRY_ON_CONFLICT=replace the mail goes as well, as it did in the original.
        """
        if socket_id is None:
            return (await self.registry.create(model=model, prompt=prompt, context=context)).id
        replace = os.environ.get(CONFLICT_VARIABLE, "").lower() == "replace"
        socket = await self.registry.create(
            socket_id,
            model=model,
            prompt=prompt,
            context=context,
            on_conflict="REPLACE" if replace else "USE_EXISTING",
        )
        assert socket.created is not None, "it comes from a Create"
        info = SocketInfo.of(socket.created.socket)
        wanted = (model, prompt, dict(context or {}))
        if (info.model, info.prompt, info.context) != wanted:
            await socket.update(model=model, prompt=prompt, context=context or {})
        if info.state != "ACTIVE":
            await socket.mark_active()
        return socket.id

    async def write(self, socket_id: str, message: str, metadata: Mapping[str, Any] | None = None) -> bool:
        """Writes to a socket, or to everyone. False when it is not there, does not take messages, or is full."""
        try:
            await self.registry.write(socket_id, message, metadata)
        except RegistryError as error:
            if error.reason == "QUEUE_FULL":
                log.warning("not written: %s", error)
            elif error.reason not in _REFUSED:
                raise
            return False
        return True

    async def read(self, socket_id: str) -> list[dict[str, Any]]:
        """Takes what waits, or, from `team-chat-all`, what the team has said. Empty when there is no such socket."""
        try:
            return [_message_dict(message) for message in await self.registry.socket(socket_id).drain()]
        except RegistryError as error:
            if error.reason in _MISSING:
                return []
            raise

    async def reset(self, socket_id: str) -> bool:
        """Clears queue and context. False when there is no such socket."""
        return await _succeeds(self.registry.socket(socket_id).reset())

    async def delete(self, socket_id: str) -> bool:
        """Removes a socket. False when there is no such socket, and for `team-chat-all`."""
        return await _succeeds(self.registry.socket(socket_id).delete())

    async def list_sockets(self) -> list[dict[str, Any]]:
        """A summary of every socket, `team-chat-all` among them."""
        return [_summary_dict(info) async for info in self.registry.list()]

    async def get_socket_info(self, socket_id: str) -> dict[str, Any] | None:
        """A socket in full, with what waits in its queue. None when there is no such socket."""
        socket = self.registry.socket(socket_id)
        try:
            info = await socket.info()
            queue = [_message_dict(message) async for message in socket.peek()]
        except RegistryError as error:
            if error.reason in _MISSING:
                return None
            raise
        return {
            **_summary_dict(info),
            "prompt": info.prompt,
            "context": info.context,
            "message_queue": queue,
        }

    async def mark_unresponsive(self, socket_id: str) -> bool:
        """Makes a socket refuse messages. False when there is no such socket, and for `team-chat-all`."""
        return await _succeeds(self.registry.socket(socket_id).mark_unresponsive())


async def _succeeds(call: Awaitable[object]) -> bool:
    try:
        await call
    except RegistryError as error:
        if error.reason in _REFUSED:
            return False
        raise
    return True


def _message_dict(message: Message) -> dict[str, Any]:
    return {
        "header": message.header,
        "content": message.content,
        "timestamp": _original_time(message.timestamp),
        "metadata": message.metadata,
    }


def _summary_dict(info: SocketInfo) -> dict[str, Any]:
    return {
        "socket_id": info.socket_id,
        "model": info.model,
        "state": info.state.lower(),
        "created_at": _original_time(info.created_at),
        "last_activity": _original_time(info.last_activity),
        "queue_size": info.queue_size,
    }


def _original_time(time: datetime) -> str:
    """As the original wrote it: ISO 8601 in UTC, without saying so."""
    return time.astimezone(timezone.utc).replace(tzinfo=None).isoformat()
