"""A channel whose calls have a deadline, a token, a request_id, and fail with RegistryError.

It stands between the generated stub and grpc.aio, and is the only file that knows how the latter makes calls.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any, Generic, TypeVar, cast

import grpc
from google.protobuf.message import Message as ProtobufMessage

from socket_registry.errors import RegistryError, error_of
from socket_registry.options import Options

Frame = TypeVar("Frame")
# What ends a stream. It is documented, but not in the types of grpc.
_EOF: object = getattr(grpc.aio, "EOF")
_Metadata = tuple[tuple[str, str | bytes], ...]


class Frames(Generic[Frame]):
    """The frames of one stream, as an iterator that ends with the stream, or with RegistryError."""

    def __init__(self, call: Any, channel: grpc.aio.Channel, address: str) -> None:
        self._call = call
        self._channel = channel
        self._address = address

    def __aiter__(self) -> AsyncIterator[Frame]:
        return self

    async def __anext__(self) -> Frame:
        frame = await self.next(None)
        if frame is None:
            raise StopAsyncIteration
        return frame

    async def next(self, silence: float | None) -> Frame | None:
        """The next frame, or None when the stream has ended with OK.

        A stream that is silent for so many seconds counts as broken: UNAVAILABLE.
        """
        try:
            frame = await (self._call.read() if silence is None else self._read_within(silence))
        except grpc.aio.AioRpcError as failure:
            raise error_of(failure, self._address) from failure
        return None if frame is _EOF else cast(Frame, frame)

    async def _read_within(self, silence: float) -> Any:
        reading = asyncio.ensure_future(self._call.read())
        try:
            # Not wait_for, which before Python 3.12 loses a cancellation that comes together with a frame.
            await asyncio.wait({reading}, timeout=silence)
            if reading.done():
                return reading.result()
        finally:
            if not reading.done():
                reading.cancel()
                await asyncio.wait({reading})
            if not reading.cancelled():
                # Looked at here, so that asyncio does not report what nobody waits for any longer.
                reading.exception()
        text = f"{self._address}: nothing came for {silence:g} s"
        raise RegistryError(grpc.StatusCode.UNAVAILABLE, text)

    @property
    def is_under_way(self) -> bool:
        """Whether the server may have the call, and has not ended it."""
        return not self._call.done() and self._channel.get_state() is grpc.ChannelConnectivity.READY

    def cancel(self) -> None:
        """Ends the stream, unless it has ended."""
        self._call.cancel()


class Exchange(Frames[Frame]):
    """A stream both of whose sides send frames."""

    async def send(self, request: ProtobufMessage) -> None:
        """Sends a frame, when the transport takes it. Raises RegistryError when the stream is over."""
        try:
            await self._call.write(request)
        except grpc.aio.AioRpcError as failure:
            raise error_of(failure, self._address) from failure
        except asyncio.InvalidStateError as failure:
            raise RegistryError(grpc.StatusCode.UNAVAILABLE, f"{self._address}: {failure}") from failure

    async def end(self) -> None:
        """Says that no more is sent."""
        await self._call.done_writing()


class Calls:
    """What a generated stub takes for a channel."""

    def __init__(self, channel: grpc.aio.Channel, options: Options, timeout: float) -> None:
        self._channel = channel
        self._options = options
        self._timeout = timeout

    def unary_unary(self, method: str, **serializers: Any) -> Callable[..., Coroutine[Any, Any, Any]]:
        call = self._channel.unary_unary(method, **serializers)
        address = self._options.address

        async def unary(request: Any, *, timeout: float | None = None, metadata: Any = None, **others: Any) -> Any:
            deadline = self._timeout if timeout is None else timeout
            try:
                return await call(
                    _complete(request), timeout=deadline, metadata=self._metadata_of(metadata), **others
                )
            except grpc.aio.AioRpcError as failure:
                raise error_of(failure, address) from failure

        return unary

    def unary_stream(self, method: str, **serializers: Any) -> Callable[..., Frames[Any]]:
        call = self._channel.unary_stream(method, **serializers)

        def stream(request: Any, *, metadata: Any = None, **others: Any) -> Frames[Any]:
            opened = call(_complete(request), metadata=self._metadata_of(metadata), **others)
            return Frames(opened, self._channel, self._options.address)

        return stream

    def stream_stream(self, method: str, **serializers: Any) -> Callable[..., Exchange[Any]]:
        call = self._channel.stream_stream(method, **serializers)

        def exchange(requests: Any = None, *, metadata: Any = None, **others: Any) -> Exchange[Any]:
            opened = call(requests, metadata=self._metadata_of(metadata), **others)
            return Exchange(opened, self._channel, self._options.address)

        return exchange

    def _metadata_of(self, metadata: Any) -> _Metadata:
        return (*self._options.metadata, *(metadata or ()))


def _complete(request: ProtobufMessage) -> ProtobufMessage:
    """The request with a request_id, made once so that every retry carries it."""
    if "request_id" not in request.DESCRIPTOR.fields_by_name or getattr(request, "request_id"):
        return request
    complete = type(request)()
    complete.CopyFrom(request)
    setattr(complete, "request_id", str(uuid.uuid4()))
    return complete
