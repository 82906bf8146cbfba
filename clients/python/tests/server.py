"""A registry of its own for a test: a process on a free port, that can be killed and started again."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


class Server:
    """The process. `address` stays the same when it is started again."""

    def __init__(self, *settings: str) -> None:
        self._settings = settings
        self._data = tempfile.mkdtemp(prefix="registry-")
        self._process: asyncio.subprocess.Process | None = None
        self.address = "127.0.0.1:0"

    async def start(self) -> None:
        """Returns when it serves: then it says where."""
        self._process = await asyncio.create_subprocess_exec(
            "node",
            str(ROOT / "dist/src/main.js"),
            *("--listen", self.address, "--data-dir", self._data, *self._settings),
            stderr=asyncio.subprocess.PIPE,
            env={**os.environ, "NODE_ENV": "production"},
        )
        assert self._process.stderr is not None
        while line := await self._process.stderr.readline():
            said = json.loads(line)
            if "address" in said:
                self.address = said["address"]
                self._rest = asyncio.create_task(self._process.stderr.read())
                return
        raise RuntimeError(f"the server ended with {await self._process.wait()}")

    async def kill(self, how: signal.Signals = signal.SIGKILL) -> None:
        assert self._process is not None
        self._process.send_signal(how)
        await self._process.wait()
        await self._rest

    async def close(self) -> None:
        if self._process is not None and self._process.returncode is None:
            await self.kill()
        shutil.rmtree(self._data, ignore_errors=True)


@asynccontextmanager
async def serving(*settings: str) -> AsyncIterator[Server]:
    server = Server(*settings)
    try:
        await server.start()
        yield server
    finally:
        await server.close()


class Ears(logging.Handler):
    """What the client logs."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)

    def __enter__(self) -> Ears:
        logging.getLogger("socket_registry").addHandler(self)
        return self

    def __exit__(self, *_: object) -> None:
        logging.getLogger("socket_registry").removeHandler(self)

    def heard(self, word: str) -> bool:
        return any(word in record.getMessage() for record in self.records)


async def until(holds: Callable[[], Awaitable[bool]], what: str, seconds: float = 30.0) -> None:
    """Waits for something that nothing announces."""
    for _ in range(int(seconds / 0.02)):
        if await holds():
            return
        await asyncio.sleep(0.02)
    raise AssertionError(f"{what}: not within {seconds:g} s")
