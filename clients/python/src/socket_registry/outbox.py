"""What was written and is not answered, in its order: what has been sent, and behind it what waits.

It makes the frames, and bounds what is under way.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass

from socketregistry.v1 import socket_registry_pb2 as pb

# A frame is closed before it has more than this, but for one write that is larger.
_FRAME_WRITES_MAX = 1_000
_FRAME_BYTES_MAX = 256 * 1024
# More than this is not sent before something is answered, but for one write that is larger.
_UNDER_WAY_MAX = 4_096
_UNDER_WAY_BYTES_MAX = 4 * 1024 * 1024


@dataclass(frozen=True, eq=False)
class Outgoing:
    """One write."""

    request: pb.WriteRequest
    size: int
    answer: asyncio.Future[pb.WriteResponse]


class Outbox:
    def __init__(self) -> None:
        self._sent: deque[Outgoing] = deque()
        self._waiting: deque[Outgoing] = deque()
        self._sent_bytes = 0
        self._waiting_bytes = 0

    def __len__(self) -> int:
        """How many are not answered."""
        return len(self._sent) + len(self._waiting)

    @property
    def is_sent(self) -> bool:
        """Whether all that was written has been sent."""
        return not self._waiting

    @property
    def has_room(self) -> bool:
        """Whether what is written now would be sent at once."""
        return len(self) < _UNDER_WAY_MAX and self._sent_bytes + self._waiting_bytes < _UNDER_WAY_BYTES_MAX

    def add(self, write: Outgoing) -> None:
        self._waiting.append(write)
        self._waiting_bytes += write.size

    def take_frame(self) -> pb.WriteStreamRequest | None:
        """As much of what waits as may be sent now. None: nothing."""
        writes: list[pb.WriteRequest] = []
        frame_bytes = 0
        while self._waiting and self._fits(self._waiting[0].size, len(writes), frame_bytes):
            write = self._waiting.popleft()
            self._sent.append(write)
            self._waiting_bytes -= write.size
            self._sent_bytes += write.size
            frame_bytes += write.size
            writes.append(write.request)
        return pb.WriteStreamRequest(writes=writes) if writes else None

    def _fits(self, size: int, frame_writes: int, frame_bytes: int) -> bool:
        if frame_writes and (frame_writes >= _FRAME_WRITES_MAX or frame_bytes + size > _FRAME_BYTES_MAX):
            return False
        sent = len(self._sent)
        return sent == 0 or (sent < _UNDER_WAY_MAX and self._sent_bytes + size <= _UNDER_WAY_BYTES_MAX)

    def take_sent(self) -> Outgoing | None:
        """Takes out the oldest write that was sent: it is answered."""
        if not self._sent:
            return None
        write = self._sent.popleft()
        self._sent_bytes -= write.size
        return write

    def take_back(self) -> None:
        """The call broke: whatever is not answered waits again, in its order."""
        self._waiting.extendleft(reversed(self._sent))
        self._waiting_bytes += self._sent_bytes
        self._sent.clear()
        self._sent_bytes = 0

    def take_all(self) -> list[Outgoing]:
        """Takes out everything that is not answered."""
        writes = [*self._sent, *self._waiting]
        self._sent.clear()
        self._waiting.clear()
        self._sent_bytes = self._waiting_bytes = 0
        return writes
