"""The AI Socket Registry: durable mailboxes for AI agents.

    async with connect("127.0.0.1:50051") as registry:
        apollo = await registry.create("apollo", model="claude-3", on_conflict="USE_EXISTING")
        await apollo.write("What's your prediction?", sender="me")
        async for message in apollo.messages():
            print(message.header, message.content)

Everything that fails raises RegistryError. Times are seconds, moments are datetimes in UTC. What is tried again is
logged by the logger `socket_registry`.
"""

from socket_registry.agent import Handler
from socket_registry.ask import Answers, Ask
from socket_registry.errors import REASONS, Reason, RegistryError
from socket_registry.info import OverflowPolicy, SocketConfig, SocketInfo, State
from socket_registry.message import TEAM, Message
from socket_registry.messages import Messages, Mode
from socket_registry.options import Tls
from socket_registry.original import SocketRegistry, get_socket_registry
from socket_registry.reading import Event, EventListener, Position
from socket_registry.registry import OnConflict, Registry, connect
from socket_registry.socket import Socket
from socket_registry.watch import Change, ChangeType
from socket_registry.writer import Writer

__all__ = [
    "REASONS",
    "TEAM",
    "Answers",
    "Ask",
    "Change",
    "ChangeType",
    "Event",
    "EventListener",
    "Handler",
    "Message",
    "Messages",
    "Mode",
    "OnConflict",
    "OverflowPolicy",
    "Position",
    "Reason",
    "Registry",
    "RegistryError",
    "Socket",
    "SocketConfig",
    "SocketInfo",
    "SocketRegistry",
    "State",
    "Tls",
    "Writer",
    "connect",
    "get_socket_registry",
]
