"""A connection to a registry: sockets, the team, and what concerns them all."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, cast

from socketregistry.v1 import socket_registry_pb2 as pb
from socketregistry.v1.socket_registry_pb2_grpc import SocketRegistryStub

from socket_registry.agent import Handler, run_agent
from socket_registry.ask import Ask
from socket_registry.calls import Calls
from socket_registry.info import SocketConfig, SocketInfo, State
from socket_registry.message import TEAM
from socket_registry.messages import Messages
from socket_registry.options import Options, Tls
from socket_registry.socket import Socket
from socket_registry.values import duration_if, struct_of
from socket_registry.watch import Change, watch
from socket_registry.writer import Writer

if TYPE_CHECKING:
    import grpc
    from socketregistry.v1.socket_registry_pb2_grpc import SocketRegistryAsyncStub

_PAGE_SIZE = 1_000

OnConflict = Literal["FAIL", "USE_EXISTING", "REPLACE"]


def connect(
    address: str = "127.0.0.1:50051",
    *,
    token: str = "",
    tls: bool | Tls = False,
    timeout: float = 10.0,
    sender: str = "",
) -> Registry:
    """A registry at `host:port`, or another gRPC target. It connects at the first call.

    To be called where an event loop runs, as `async with connect(...) as registry:`, or with `await registry.close()`
    in the end. Reconnects are logged by the logger `socket_registry`.

    token: sent with each call, as a bearer token. Raises ValueError without tls, unless the address is on this machine.
    tls: True trusts the system's roots; a Tls says more.
    timeout: how many seconds a unary call may take, with its retries.
    sender: the author of everything that is written, unless the call says otherwise.
    """
    asyncio.get_running_loop()
    options = Options(address, token, (tls if isinstance(tls, Tls) else Tls()) if tls else None)
    return Registry(options.open_channel(), options, timeout, sender, set())


class Registry:
    """What `connect` gives. Every method that calls raises RegistryError when it is refused or not answered."""

    #: The generated stub, for every RPC, with the same retries, deadline, token and errors. A call takes the request and
    #: is awaited; a stream is iterated over, and has `cancel`.
    stub: SocketRegistryAsyncStub
    #: The author of what is written, unless a call says otherwise. Empty: unsigned.
    sender: str
    #: How many seconds a unary call may take.
    timeout: float
    #: The loops over messages and the writers that are open.
    activities: set[Messages | Writer]

    def __init__(
        self, channel: grpc.aio.Channel, options: Options, timeout: float, sender: str, activities: set[Messages | Writer]
    ) -> None:
        self._channel = channel
        self._options = options
        self.timeout = timeout
        self.sender = sender
        self.activities = activities
        self.stub = SocketRegistryStub(cast("grpc.aio.Channel", Calls(channel, options, timeout)))

    async def __aenter__(self) -> Registry:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    def using(self, *, sender: str | None = None, timeout: float | None = None) -> Registry:
        """The same connection with another sender or deadline. Closing either closes both."""
        return Registry(
            self._channel,
            self._options,
            self.timeout if timeout is None else timeout,
            self.sender if sender is None else sender,
            self.activities,
        )

    async def close(self) -> None:
        """Leaves open loops, whose bodies' messages are given back, tells what is to be told, and disconnects."""
        try:
            await asyncio.gather(*(activity.finish() for activity in list(self.activities)))
        finally:
            await self._channel.close()

    def socket(self, socket_id: str) -> Socket:
        """A handle on a socket, without a call."""
        return Socket(self, socket_id)

    @property
    def team(self) -> Socket:
        """`team-chat-all`: writing to it reaches everyone, and reading it gives the team feed."""
        return self.socket(TEAM)

    async def create(
        self,
        socket_id: str = "",
        *,
        model: str = "",
        prompt: str = "",
        context: Mapping[str, Any] | None = None,
        labels: Mapping[str, str] | None = None,
        config: SocketConfig | None = None,
        on_conflict: OnConflict = "FAIL",
        request_id: str = "",
        issue_token: bool = False,
    ) -> Socket:
        """Registers a socket. Without an id the server makes one from the model.

        on_conflict: what to do when the id is taken: FAIL with SOCKET_EXISTS, USE_EXISTING and change nothing, or
        REPLACE the socket and its queue.
        """
        request = pb.CreateRequest(
            socket_id=socket_id,
            model=model,
            prompt=prompt,
            context=struct_of(context),
            labels=labels,
            config=None if config is None else config.to_proto(),
            on_conflict=pb.ConflictPolicy.Value(f"CONFLICT_POLICY_{on_conflict}"),
            request_id=request_id,
            issue_token=issue_token,
        )
        created = await self.stub.Create(request)
        return Socket(self, created.socket.socket_id, created)

    async def write(
        self,
        socket_id: str,
        text: str,
        metadata: Mapping[str, Any] | None = None,
        *,
        sender: str | None = None,
        thread_id: str = "",
        reply_to: str = "",
        request_id: str = "",
        include_sender: bool = False,
        match_labels: Mapping[str, str] | None = None,
    ) -> pb.WriteResponse:
        """Writes to a socket, or to everyone, by its id. See `Socket.write` and `broadcast`."""
        request = pb.WriteRequest(
            socket_id=socket_id,
            message=text,
            metadata=struct_of(metadata),
            sender=self.sender if sender is None else sender,
            thread_id=thread_id,
            reply_to=reply_to,
            request_id=request_id,
            include_sender=include_sender,
            match_labels=match_labels,
        )
        return await self.stub.Write(request)

    async def broadcast(
        self,
        text: str,
        metadata: Mapping[str, Any] | None = None,
        *,
        sender: str | None = None,
        thread_id: str = "",
        reply_to: str = "",
        request_id: str = "",
        include_sender: bool = False,
        match_labels: Mapping[str, str] | None = None,
    ) -> pb.WriteResponse:
        """Writes to every socket that can take it; the answer names those that could not.

        include_sender: whether the author gets its own.
        match_labels: narrows it to the sockets that have all these labels.
        """
        return await self.write(
            TEAM,
            text,
            metadata,
            sender=sender,
            thread_id=thread_id,
            reply_to=reply_to,
            request_id=request_id,
            include_sender=include_sender,
            match_labels=match_labels,
        )

    def writer(self, *, patience: float = 300.0) -> Writer:
        """For who writes much: see `socket_registry.writer`. It goes on without an answer for `patience` seconds; they must
        be fewer than the server remembers request ids, which is 600."""
        return Writer(self, patience)

    def ask(
        self,
        text: str,
        socket_id: str = "",
        metadata: Mapping[str, Any] | None = None,
        *,
        timeout: float | None = None,
        max_replies: int = 0,
        sender: str | None = None,
        thread_id: str = "",
        request_id: str = "",
        match_labels: Mapping[str, str] | None = None,
    ) -> Ask:
        """Puts a question to the team, or to one socket. Iterate over what it gives for the replies as they come, or
        `await` it for all of them. Nothing is asked before that.

        timeout: how many seconds to wait for replies. None: 30.
        max_replies: end after so many. Zero: no such end.
        """
        request = pb.AskRequest(
            socket_id=socket_id,
            message=text,
            metadata=struct_of(metadata),
            sender=self.sender if sender is None else sender,
            timeout=duration_if(timeout),
            max_replies=max_replies,
            request_id=request_id,
            thread_id=thread_id,
            match_labels=match_labels,
        )
        return Ask(self, request)

    async def list(
        self,
        *,
        states: Sequence[State] = (),
        labels: Mapping[str, str] | None = None,
        model: str = "",
        page_size: int = _PAGE_SIZE,
    ) -> AsyncIterator[SocketInfo]:
        """All sockets, or those in one of these states, with all these labels, of this model; `team-chat-all` first.

        Pages are fetched as the iteration comes to them.
        """
        request = pb.ListSocketsRequest(
            page_size=page_size,
            states=[pb.SocketState.Value(f"SOCKET_STATE_{state}") for state in states],
            labels=labels,
            model=model,
        )
        while True:
            page = await self.stub.ListSockets(request)
            for proto in page.sockets:
                yield SocketInfo.of(proto)
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token

    def watch(self, *, after_revision: int = 0, socket_id: str = "") -> AsyncIterator[Change]:
        """The registry's changes, over restarts of the server: a snapshot, SYNCED, and then every change.

        after_revision: the changes after this revision, and no snapshot. POSITION_LOST when they are no longer there.
        socket_id: only this socket, which need not exist.
        """
        return watch(self.stub, pb.WatchRequest(after_revision=after_revision, socket_id=socket_id))

    async def server_info(self) -> pb.GetServerInfoResponse:
        """The server's version, limits, durability and state."""
        return await self.stub.GetServerInfo(pb.GetServerInfoRequest())

    async def agent(
        self,
        socket_id: str,
        handler: Handler,
        *,
        model: str | None = None,
        prompt: str | None = None,
        context: Mapping[str, Any] | None = None,
        labels: Mapping[str, str] | None = None,
        lease: float = 30.0,
        max_outstanding: int = 1,
        retry_delay: float = 1.0,
    ) -> None:
        """Is an AI in the team: see `socket_registry.agent`."""
        await run_agent(
            self,
            socket_id,
            handler,
            description={"model": model, "prompt": prompt, "context": context, "labels": labels},
            lease=lease,
            max_outstanding=max_outstanding,
            retry_delay=retry_delay,
        )
