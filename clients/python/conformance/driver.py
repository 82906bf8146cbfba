"""Carries out the operations of clients/conformance with this client."""

from __future__ import annotations

import asyncio
import functools
import json
import os
import sys
from collections.abc import Awaitable, Callable
from typing import Any, cast

from google.protobuf.json_format import MessageToDict, ParseDict
from google.protobuf.message import Message as ProtobufMessage
from socket_registry import TEAM, Message, Registry, RegistryError, SocketConfig, connect
from socketregistry.v1 import socket_registry_pb2 as pb

Json = dict[str, Any]

_LINE_BYTES_MAX = 256 * 1024 * 1024
_CONFLICT = "CONFLICT_POLICY_"


class Operation:
    """One operation under way: its arguments, what it says, and what lets its bodies go on."""

    def __init__(self, registry: Registry, request: Json) -> None:
        self.id: int = request["id"]
        self.args: Json = request.get("args", {})
        timeout_ms = request.get("timeout_ms")
        self.timeout: float | None = None if timeout_ms is None else timeout_ms / 1_000
        self.registry = registry if self.timeout is None else registry.using(timeout=self.timeout)
        self._outcomes: dict[int, asyncio.Future[str]] = {}

    def item(self, item: Json) -> None:
        say({"id": self.id, "item": item})

    def outcome(self, sequence: int) -> asyncio.Future[str]:
        """How the body of this message is to end. It may be told before the body asks."""
        return self._outcomes.setdefault(sequence, asyncio.get_running_loop().create_future())

    def end_of(self, sequence: int) -> None:
        self._outcomes.pop(sequence, None)

    def optional(self, *names: str) -> Json:
        """The arguments of these names that are there."""
        return {name: self.args[name] for name in names if name in self.args}


def say(line: Json) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def to_json(message: ProtobufMessage) -> Json:
    return MessageToDict(message, preserving_proto_field_name=True)


async def create(operation: Operation) -> Json:
    # The settings are durations, which have a form of their own in JSON. The rest is JSON in Python, too.
    config = ParseDict(operation.args.get("config", {}), pb.SocketConfig())
    names = ("socket_id", "model", "prompt", "context", "labels", "request_id", "issue_token")
    policy = operation.args.get("on_conflict", "CONFLICT_POLICY_FAIL")
    socket = await operation.registry.create(
        **operation.optional(*names),
        config=SocketConfig.of(config) if "config" in operation.args else None,
        on_conflict=cast(Any, policy.removeprefix(_CONFLICT).replace("UNSPECIFIED", "FAIL")),
    )
    assert socket.created is not None
    return to_json(socket.created)


async def write(operation: Operation) -> Json:
    args = operation.args
    text = args.get("message", "")
    names = ("metadata", "sender", "thread_id", "reply_to", "request_id")
    if args.get("socket_id") == TEAM:
        options = operation.optional(*names, "include_sender", "match_labels")
        return to_json(await operation.registry.broadcast(text, **options))
    if "match_labels" in args or "include_sender" in args:
        options = operation.optional(*names, "include_sender", "match_labels")
        return to_json(await operation.registry.write(args.get("socket_id", ""), text, **options))
    return to_json(await operation.registry.socket(args.get("socket_id", "")).write(text, **operation.optional(*names)))


async def write_stream(operation: Operation) -> Json:
    async with operation.registry.writer() as writer:
        for args in operation.args.get("writes", []):
            options = {name: args[name] for name in args if name not in ("socket_id", "message")}
            answer = writer.write(args.get("socket_id", ""), args.get("message", ""), **options)
            answer.add_done_callback(functools.partial(answered, operation))
    return {}


def answered(operation: Operation, answer: asyncio.Future[pb.WriteResponse]) -> None:
    if answer.cancelled():
        return
    error = answer.exception()
    if isinstance(error, RegistryError):
        operation.item({"error": error_json(error.code.name, error.reason, dict(error.metadata))})
    else:
        operation.item({"response": to_json(answer.result())})


async def list_sockets(operation: Operation) -> Json:
    if "page_token" in operation.args:
        return await call("ListSockets")(operation)
    states = [state.removeprefix("SOCKET_STATE_") for state in operation.args.get("states", [])]
    options = operation.optional("labels", "model", "page_size")
    infos = [info async for info in operation.registry.list(states=states, **options)]
    return {"sockets": [to_json(info.proto) for info in infos]}


async def get_socket_info(operation: Operation) -> Json:
    info = await operation.registry.socket(operation.args.get("socket_id", "")).info()
    return {"socket": to_json(info.proto)}


async def reset(operation: Operation) -> Json:
    scope = operation.args.get("scope", "RESET_SCOPE_ALL").removeprefix("RESET_SCOPE_")
    socket = operation.registry.socket(operation.args.get("socket_id", ""))
    return to_json(await socket.reset(scope.replace("UNSPECIFIED", "ALL"), **operation.optional("etag")))


async def delete(operation: Operation) -> Json:
    socket = operation.registry.socket(operation.args.get("socket_id", ""))
    return to_json(await socket.delete(**operation.optional("etag", "allow_missing")))


async def watch(operation: Operation) -> Json:
    after = int(operation.args.get("after_revision", 0))
    async for change in operation.registry.watch(after_revision=after, **operation.optional("socket_id")):
        operation.item(to_json(change.proto))
    return {}


async def ask(operation: Operation) -> Json:
    request = ParseDict(operation.args, pb.AskRequest())
    names = ("socket_id", "metadata", "max_replies", "sender", "thread_id", "request_id", "match_labels")
    timeout = request.timeout.ToMilliseconds() / 1_000 if request.HasField("timeout") else None
    question = operation.registry.ask(request.message, timeout=timeout, **operation.optional(*names))
    operation.item({"asked": to_json(await question.put())})
    async for reply in question:
        operation.item({"reply": to_json(reply.proto)})
    if question.summary is not None:
        operation.item({"summary": to_json(question.summary)})
    return {}


async def drain(operation: Operation) -> Json:
    messages = await operation.registry.socket(operation.args.get("socket_id", "")).drain()
    return {"messages": [to_json(message.proto) for message in messages]}


async def messages(operation: Operation) -> Json:
    args = operation.args
    socket = operation.registry.socket(args["socket_id"])
    options = operation.optional("consumer", "max_outstanding")
    count = args.get("count", 0)
    if args.get("manual"):
        return await handled(operation, count, lambda body: socket.handle(body, retry_delay=0, **options))
    done = 0
    async with socket.messages(**options) as loop:
        async for message in loop:
            operation.item({"message": to_json(message.proto)})
            done += 1
            if done == count:
                break
    return {"handled": done}


async def handled(
    operation: Operation,
    count: int,
    handle: Callable[[Callable[[Message], Awaitable[None]]], Awaitable[None]],
) -> Json:
    done = 0

    async def body(message: Message) -> None:
        nonlocal done
        operation.item({"message": to_json(message.proto)})
        try:
            outcome = await operation.outcome(message.sequence)
        finally:
            operation.end_of(message.sequence)
        if outcome == "throw":
            raise RuntimeError("the body was told to fail")
        done += 1
        if done == count:
            running.cancel()

    running = asyncio.ensure_future(handle(body))
    try:
        await running
    except asyncio.CancelledError:
        if done < count or count == 0:
            running.cancel()
            await asyncio.wait([running])
            raise
    return {"handled": done}


async def agent(operation: Operation) -> Json:
    async def answer(message: Message) -> str:
        operation.item({"content": message.content, "attempt": message.delivery_attempt})
        if message.content.startswith("fail") and message.delivery_attempt == 1:
            raise RuntimeError("the handler was told to fail")
        return f"{operation.args.get('answer', '')} {message.content}"

    try:
        await operation.registry.agent(
            operation.args["socket_id"], answer, retry_delay=0.1, **operation.optional("model")
        )
    except asyncio.CancelledError:
        return {"ended": "left"}
    return {"ended": "deleted"}


async def read(operation: Operation) -> Json:
    request = ParseDict(operation.args, pb.ReadRequest())
    async for frame in operation.registry.stub.Read(request, timeout=operation.timeout):
        operation.item(to_json(frame))
    return {}


def call(method: str) -> Callable[[Operation], Awaitable[Json]]:
    """A call for which the client has no verb, or whose verb shows less than the call."""

    async def unary(operation: Operation) -> Json:
        request = ParseDict(operation.args, getattr(pb, f"{method}Request")())
        return to_json(await getattr(operation.registry.stub, method)(request))

    return unary


OPERATIONS: dict[str, Callable[[Operation], Awaitable[Json]]] = {
    "create": create,
    "write": write,
    "list_sockets": list_sockets,
    "get_socket_info": get_socket_info,
    "reset": reset,
    "delete": delete,
    "watch": watch,
    "ask": ask,
    "read": read,
    "drain": drain,
    "messages": messages,
    "write_stream": write_stream,
    "agent": agent,
    "mark_active": call("MarkActive"),
    "mark_inactive": call("MarkInactive"),
    "mark_unresponsive": call("MarkUnresponsive"),
    "acknowledge": call("Acknowledge"),
    "peek": call("Peek"),
    "requeue": call("Requeue"),
    "get_message": call("GetMessage"),
    "heartbeat": call("Heartbeat"),
    "update": call("Update"),
    "get_server_info": call("GetServerInfo"),
}
# Streams that the client opens again by itself have no deadline of their own.
ENDLESS = ("watch", "ask", "messages", "agent")


async def run(operation: Operation, name: str) -> None:
    try:
        deadline = operation.timeout if name in ENDLESS else None
        result = await asyncio.wait_for(OPERATIONS[name](operation), deadline)
    except RegistryError as error:
        end_with(operation, error.code.name, error.reason, dict(error.metadata))
    except asyncio.TimeoutError:
        end_with(operation, "DEADLINE_EXCEEDED")
    except Exception as error:
        print(f"{name}: {error!r}", file=sys.stderr)
        end_with(operation, "UNKNOWN")
    else:
        say({"id": operation.id, "result": result})


def end_with(operation: Operation, code: str, reason: str = "", metadata: Json | None = None) -> None:
    say({"id": operation.id, "error": error_json(code, reason, metadata)})


def error_json(code: str, reason: str = "", metadata: Json | None = None) -> Json:
    return {"code": code, "reason": reason, "metadata": metadata or {}}


def finish(operations: dict[int, Any], operation: Operation, task: asyncio.Task[None]) -> None:
    del operations[operation.id]
    # Here, because a task may be cancelled before its first step.
    if task.cancelled():
        end_with(operation, "CANCELLED")


async def main() -> None:
    reader = asyncio.StreamReader(limit=_LINE_BYTES_MAX)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    registry = connect(os.environ["SOCKET_REGISTRY_ADDRESS"])
    operations: dict[int, tuple[Operation, asyncio.Task[None]]] = {}
    say({"ready": True})
    while line := await reader.readline():
        request = json.loads(line)
        name = request["op"]
        args = request.get("args", {})
        if name == "cancel":
            if args["id"] in operations:
                operations[args["id"]][1].cancel()
            say({"id": request["id"], "result": {}})
        elif name == "settle":
            outcome = operations[args["id"]][0].outcome(int(args["sequence"]))
            if not outcome.done():
                outcome.set_result(args["outcome"])
            say({"id": request["id"], "result": {}})
        else:
            operation = Operation(registry, request)
            task = asyncio.create_task(run(operation, name))
            operations[operation.id] = operation, task
            task.add_done_callback(functools.partial(finish, operations, operation))
    # Nobody waits for what is under way.
    os._exit(0)


asyncio.run(main())
