"""The one error of this package, and what it tells."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal, cast, get_args

import grpc
from google.rpc.error_details_pb2 import ErrorInfo  # type: ignore[import-untyped]
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]

_DOMAIN = "socketregistry.v1"

#: Why the registry refused. The list is closed, but for what a newer server may add to it. Empty when no registry spoke:
#: there was no connection, or the time was up.
Reason = Literal[
    "",
    "AFTER_NOT_ALLOWED",
    "BROADCAST_SOCKET_PROTECTED",
    "CONSUMER_NOT_ALLOWED",
    "CONTEXT_TOO_DEEP",
    "EPOCH_MISMATCH",
    "ETAG_MISMATCH",
    "INTERNAL",
    "INVALID_FIELD",
    "INVALID_SOCKET_ID",
    "MESSAGE_NOT_FOUND",
    "MESSAGE_TOO_LARGE",
    "NOT_IMPLEMENTED",
    "POSITION_LOST",
    "QUEUE_FULL",
    "READER_LIMIT",
    "READER_SUPERSEDED",
    "REQUEST_ID_REUSED",
    "SHUTTING_DOWN",
    "SOCKET_DELETED",
    "SOCKET_EXISTS",
    "SOCKET_INACTIVE",
    "SOCKET_LIMIT",
    "SOCKET_NOT_FOUND",
    "SOCKET_UNRESPONSIVE",
    "STORAGE_FULL",
    "STORAGE_UNAVAILABLE",
]

#: Every reason that this version knows.
REASONS: tuple[Reason, ...] = get_args(Reason)

# Without a word of the registry these are a connection that broke; we never wait for a call that we cancelled.
_BROKEN = {
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.INTERNAL,
    grpc.StatusCode.UNKNOWN,
    grpc.StatusCode.CANCELLED,
}

# The codes by their numbers.
_CODES: dict[int, grpc.StatusCode] = {code.value[0]: code for code in grpc.StatusCode}


class RegistryError(Exception):
    """A call that failed: the registry refused it, or it was never answered.

    Branch on `reason`, or on `code` where it is empty; the text is for people. A cancelled task gets its CancelledError
    and never this.
    """

    #: The gRPC status.
    code: grpc.StatusCode
    #: Why the registry refused.
    reason: Reason
    #: The values that the text speaks of, such as `socket_id`.
    metadata: Mapping[str, str]
    #: What happened, for people.
    message: str

    def __init__(
        self,
        code: grpc.StatusCode,
        message: str,
        reason: Reason = "",
        metadata: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(f"{reason or code.name}: {message}")
        self.code = code
        self.message = message
        self.reason = reason
        self.metadata = dict(metadata or {})

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.code, self.message, self.reason, self.metadata)

    @property
    def is_broken(self) -> bool:
        """Whether the server is away for now: the same again may well succeed."""
        return self.code is grpc.StatusCode.UNAVAILABLE or (self.reason == "" and self.code in _BROKEN)

    @property
    def is_gone(self) -> bool:
        """Whether the socket is not there, or no longer."""
        return self.reason in ("SOCKET_NOT_FOUND", "SOCKET_DELETED")

    @property
    def is_unanswered(self) -> bool:
        """Whether the call may have been carried out or not."""
        return self.is_broken or (self.reason == "" and self.code is grpc.StatusCode.DEADLINE_EXCEEDED)


def error_of(failure: grpc.aio.AioRpcError, address: str) -> RegistryError:
    """What a failed call means."""
    info = _info_of(failure)
    if info is None:
        # No registry spoke: the address is what there is to look at.
        return RegistryError(failure.code(), f"{address}: {failure.details()}")
    return RegistryError(failure.code(), failure.details() or "", cast(Reason, info.reason), dict(info.metadata))


def error_in(status: Status) -> RegistryError:
    """What the answer to one write among many means: the error that a call of its own would have failed with."""
    code = _CODES.get(status.code, grpc.StatusCode.UNKNOWN)
    info = _info_in(status) or ErrorInfo()
    return RegistryError(code, status.message, cast(Reason, info.reason), dict(info.metadata))


def _info_of(failure: grpc.aio.AioRpcError) -> ErrorInfo | None:
    trailers = cast(Iterable[tuple[str, str | bytes]], failure.trailing_metadata() or ())
    for key, value in trailers:
        if key != "grpc-status-details-bin" or not isinstance(value, bytes):
            continue
        try:
            return _info_in(Status.FromString(value))
        except ValueError:
            # Something between us and the registry put it there.
            return None
    return None


def _info_in(status: Status) -> ErrorInfo | None:
    info = ErrorInfo()
    is_ours = any(detail.Unpack(info) for detail in status.details) and info.domain == _DOMAIN
    return info if is_ours else None
