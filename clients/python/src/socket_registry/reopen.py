"""A stream that goes on: when the server stops or the connection breaks, it is opened again after a pause."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import AsyncGenerator, Callable
from typing import TypeVar

from socket_registry.calls import Frames
from socket_registry.errors import RegistryError

log = logging.getLogger("socket_registry")

#: How often the server is asked to speak, in seconds.
HEARTBEAT_INTERVAL = 15.0
#: A stream that was asked to speak and is silent for so many seconds counts as broken.
SILENCE_MAX = 45.0

_PAUSE_MIN = 0.1
_PAUSE_MAX = 5.0

Frame = TypeVar("Frame")


async def reopen(open_stream: Callable[[], Frames[Frame]], doing: str) -> AsyncGenerator[Frame, None]:
    """The frames of one stream after another, until one ends with OK or with an error that is no broken connection.

    It tries for ever: who no longer wants it cancels its task, or closes the generator. What is done again is logged,
    as `doing`.
    """
    failures = 0
    while True:
        stream = open_stream()
        try:
            while (frame := await stream.next(SILENCE_MAX)) is not None:
                failures = 0
                yield frame
            return
        except RegistryError as error:
            if not error.is_broken:
                raise
            failures += 1
            pause = pause_after(failures)
            log.warning("%s; %s again in %.1f s", error, doing, pause)
        finally:
            stream.cancel()
        await asyncio.sleep(pause)


def pause_after(failures: int, pause_max: float = _PAUSE_MAX) -> float:
    """How many seconds to wait after so many failures in a row. Chance keeps many clients from coming all at once."""
    pause = min(_PAUSE_MIN * 2.0 ** (min(failures, 20) - 1), pause_max)
    return pause * random.uniform(0.8, 1.0)
