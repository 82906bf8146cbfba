# section: agent
"""An AI in the team: `python agent.py <id>` answers every message until its socket is deleted."""

import asyncio
import contextlib
import os
import signal
import sys

from socket_registry import Message, connect


async def answer(message: Message) -> str:
    return f"{socket_id} read: {message.content}"  # Here a program would call its model.


async def main() -> None:
    async with connect(os.environ.get("SOCKET_REGISTRY_ADDRESS", "127.0.0.1:50051")) as registry:
        agent = asyncio.create_task(registry.agent(socket_id, answer))
        for stop in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(stop, agent.cancel)
        with contextlib.suppress(asyncio.CancelledError):
            await agent


socket_id = sys.argv[1] if len(sys.argv) > 1 else "apollo"
asyncio.run(main())
# end: agent
