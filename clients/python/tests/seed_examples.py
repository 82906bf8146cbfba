"""Runs every Python example of the original's document, seed.md, as it is written, and checks what the document promises.

    python seed_examples.py          all of it, against the server at SOCKET_REGISTRY_ADDRESS
    python seed_examples.py before   all but what comes after a restart of the server
    python seed_examples.py after    the rest, once the server has been restarted

Only the import line is replaced. It prints a line for each example, and exits with 1 when one fails.
"""

from __future__ import annotations

import ast
import asyncio
import re
import sys
import traceback
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from socket_registry import SocketRegistry, get_socket_registry

DOCUMENT = Path(__file__).with_name("seed.md")
ORIGINAL_IMPORT = "from rhetor.core.ai_socket_registry import get_socket_registry"
OUR_IMPORT = "from socket_registry import get_socket_registry"
RECOVERY = "Persistence and Recovery"
RESTART = "# After Rhetor restart, socket is restored"
# The sockets that an example takes for granted.
NEEDED = ("apollo-123",)
# What `before` leaves for `after`.
SURVIVOR = "survivor"
SURVIVOR_CONTEXT = {"role": "survivor", "level": 3, "ratio": 0.5, "tags": ["a", None, True]}


@dataclass(frozen=True)
class Example:
    """A block of the document."""

    #: The heading above it.
    heading: str
    line: int
    source: str

    @property
    def is_data(self) -> bool:
        return isinstance(self.value, (dict, list))

    @property
    def value(self) -> Any:
        try:
            return ast.literal_eval(self.source)
        except (ValueError, SyntaxError):
            return None

    def __str__(self) -> str:
        return f"seed.md:{self.line} {self.heading}"


def examples() -> list[Example]:
    found: list[Example] = []
    heading, start = "", 0
    block: list[str] | None = None
    for number, line in enumerate(DOCUMENT.read_text("utf-8").splitlines(), 1):
        if block is None and line.startswith("#"):
            heading = line.lstrip("# ")
        elif line == "```python":
            block, start = [], number
        elif line == "```" and block is not None:
            found.append(Example(heading, start, "\n".join(block)))
            block = None
        elif block is not None:
            block.append(line)
    return found


async def run_code(source: str, names: dict[str, Any]) -> dict[str, Any]:
    """Runs what an example says, in which `await` may stand anywhere."""
    code = compile(
        source.replace(ORIGINAL_IMPORT, OUR_IMPORT), str(DOCUMENT), "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    )
    result = eval(code, names)
    if result is not None:
        await result
    return names


async def run_example(example: Example) -> None:
    registry = await get_socket_registry()
    if example.is_data:
        return await check_shape(registry, example.value)
    for socket_id in NEEDED:
        await registry.create("claude-3-sonnet", "You are Apollo", {"role": "predictor"}, socket_id)
    names: dict[str, Any] = {"get_socket_registry": get_socket_registry}
    if not re.search(r"^registry\s*=", example.source, re.MULTILINE):
        names["registry"] = registry
    names = await run_code(example.source, names)
    # Where an example keeps an answer, the document says what it is.
    expect(names.get("success", True) is True, "success is True")
    expect(isinstance(names.get("socket_id", ""), str), "socket_id is a str")
    for name in ("messages", "all_messages", "responses", "sockets"):
        expect(isinstance(names.get(name, []), list), f"{name} is a list")
    if "info" in names:
        expect(isinstance(names["info"], dict), "info is a dict")


async def check_shape(registry: SocketRegistry, shown: Any) -> None:
    """Compares data that the document shows with what the API gives for the same case."""
    wiped = await registry.delete("apollo-123")
    expect(wiped in (True, False), "delete gives a bool")
    await registry.create("claude-3-sonnet", "You are Apollo", {"role": "predictor"}, "apollo-123")
    await registry.write("apollo-123", "I predict significant advances...", {"confidence": 0.85})
    if isinstance(shown, list):
        actual = next(entry for entry in await registry.list_sockets() if entry["socket_id"] == "apollo-123")
        expect_same_shape(shown[0], actual)
    else:
        [actual] = await registry.read("apollo-123")
        expect_same_shape(shown, actual)
        for same in ("header", "content", "metadata"):
            expect(actual[same] == shown[same], f"{same} is {shown[same]!r}")


def expect_same_shape(shown: dict[str, Any], actual: dict[str, Any]) -> None:
    expect(list(actual) == list(shown), f"the keys are {list(shown)}")
    for key, value in shown.items():
        expect(type(actual[key]) is type(value), f"{key} is a {type(value).__name__}")
        if isinstance(value, str) and value.startswith("2024-"):
            expect(datetime.fromisoformat(actual[key]).tzinfo is None, f"{key} is naive ISO 8601")


def expect(truth: bool, promise: str) -> None:
    if not truth:
        raise AssertionError(f"it does not hold that {promise}")


async def promise_missing(registry: SocketRegistry) -> None:
    for missing in ("nobody", "no such id"):
        expect(await registry.write(missing, "?") is False, "write to nobody is False")
        expect(await registry.read(missing) == [], "read of nobody is []")
        expect(await registry.reset(missing) is False, "reset of nobody is False")
        expect(await registry.delete(missing) is False, "delete of nobody is False")
        expect(await registry.mark_unresponsive(missing) is False, "mark_unresponsive of nobody is False")
        expect(await registry.get_socket_info(missing) is None, "get_socket_info of nobody is None")


async def promise_broadcast_socket(registry: SocketRegistry) -> None:
    expect(await registry.delete("team-chat-all") is False, "team-chat-all cannot be deleted")
    listed = [entry["socket_id"] for entry in await registry.list_sockets()]
    expect("team-chat-all" in listed, "team-chat-all is a socket")
    expect(await registry.write("team-chat-all", "hello") is True, "a broadcast succeeds")
    expect(await registry.get_socket_info("team-chat-all") is not None, "team-chat-all has information")


async def promise_unresponsive(registry: SocketRegistry) -> None:
    socket_id = await registry.create("m", "p")
    await registry.write(socket_id, "before")
    expect(await registry.mark_unresponsive(socket_id) is True, "mark_unresponsive succeeds")
    expect(await registry.write(socket_id, "after") is False, "an unresponsive socket rejects writes")
    info = await registry.get_socket_info(socket_id)
    expect(info is not None and info["state"] == "unresponsive", "its state is unresponsive")
    await registry.write("team-chat-all", "to those who listen")
    contents = [message["content"] for message in await registry.read(socket_id)]
    expect(contents == ["before"], "it gets nothing new, and loses nothing")
    expect(await registry.delete(socket_id) is True, "delete succeeds")


async def promise_reset(registry: SocketRegistry) -> None:
    socket_id = await registry.create("m", "p", {"a": 1})
    await registry.write(socket_id, "m")
    expect(await registry.reset(socket_id) is True, "reset succeeds")
    info = await registry.get_socket_info(socket_id)
    expect(info is not None and info["context"] == {} and info["queue_size"] == 0, "reset clears queue and context")
    expect(await registry.read(socket_id) == [], "nothing waits after a reset")
    await registry.delete(socket_id)


async def promise_ids(registry: SocketRegistry) -> None:
    first, second = await registry.create("m", "p"), await registry.create("m", "p", None, None)
    expect(isinstance(first, str) and first != second, "ids are made where none is given")
    for socket_id in (first, second):
        await registry.delete(socket_id)
    await registry.create("m", "p", {"a": 1}, "taken")
    await registry.write("taken", "kept")
    await registry.mark_unresponsive("taken")
    expect(await registry.create("m2", "p2", {"b": 2}, "taken") == "taken", "an id that is taken is taken over")
    info = await registry.get_socket_info("taken")
    assert info is not None
    expect((info["model"], info["prompt"], info["context"]) == ("m2", "p2", {"b": 2}), "with what is new")
    expect(info["state"] == "active", "and it is active")
    expect([message["content"] for message in info["message_queue"]] == ["kept"], "and its mail is kept")
    await registry.delete("taken")


async def promise_signed(registry: SocketRegistry) -> None:
    await registry.create("m", "p", None, "speaker")
    await registry.read("team-chat-all")
    speaker = registry.as_socket("speaker")
    expect(await speaker.write("speaker", "my answer") is True, "an AI answers on its own socket")
    expect(await speaker.read("speaker") == [], "and does not read its own answer")
    heard = [(message["header"], message["content"]) for message in await registry.read("team-chat-all")]
    expect(heard == [("[team-chat-from-speaker]", "my answer")], "and the team does")
    await registry.delete("speaker")


async def promise_singleton(registry: SocketRegistry) -> None:
    expect(await get_socket_registry() is registry, "get_socket_registry gives a singleton")


async def leave_survivor(registry: SocketRegistry) -> None:
    await registry.delete(SURVIVOR)
    await registry.create("claude-3", "Helper", SURVIVOR_CONTEXT, SURVIVOR)
    for number in range(3):
        await registry.write(SURVIVOR, f"message {number}", {"number": number})


async def find_survivor(registry: SocketRegistry) -> None:
    info = await registry.get_socket_info(SURVIVOR)
    assert info is not None, "a socket survives"
    expect((info["model"], info["prompt"], info["context"]) == ("claude-3", "Helper", SURVIVOR_CONTEXT), "as it was")
    expect(info["queue_size"] == 3 and len(info["message_queue"]) == 3, "with its mail")
    messages = await registry.read(SURVIVOR)
    expect(messages == info["message_queue"], "which is what get_socket_info showed")
    expect([message["metadata"] for message in messages] == [{"number": number} for number in range(3)], "in order")
    await registry.delete(SURVIVOR)


PROMISES: dict[str, Callable[[SocketRegistry], Awaitable[None]]] = {
    "what is not there: False, an empty list or None": promise_missing,
    "team-chat-all cannot be deleted": promise_broadcast_socket,
    "an unresponsive socket rejects writes": promise_unresponsive,
    "reset clears queue and context": promise_reset,
    "ids, generated and taken": promise_ids,
    "as_socket: an AI does not read its own answers": promise_signed,
    "a singleton": promise_singleton,
}


async def check(name: str, run: Callable[[], Awaitable[object]]) -> bool:
    try:
        await run()
    except Exception:
        print(f"FAILED  {name}")
        traceback.print_exc()
        return False
    print(f"ok      {name}")
    return True


async def before() -> list[bool]:
    results = [
        await check(str(example), lambda example=example: run_example(example))  # type: ignore[misc]
        for example in examples()
        if example.heading != RECOVERY
    ]
    registry = await get_socket_registry()
    for name, promise in PROMISES.items():
        results.append(await check(name, lambda promise=promise: promise(registry)))  # type: ignore[misc]
    results.append(await check("something is left for after a restart", lambda: leave_survivor(registry)))
    return results


async def recover(part: str, names: dict[str, Any]) -> None:
    names.setdefault("registry", await get_socket_registry())
    await run_code(part, names)


async def after(socket_id: str | None) -> list[bool]:
    """The example of the restart. Its first half ran before, and all that is left of it is the socket's id."""
    [example] = [example for example in examples() if example.heading == RECOVERY]
    first, second = example.source.split(RESTART)
    results: list[bool] = []
    names: dict[str, Any] = {"get_socket_registry": get_socket_registry, "socket_id": socket_id}
    if socket_id is None:
        results.append(await check(f"{example}, until the restart", lambda: recover(first, names)))
    results.append(await check(f"{example}, after the restart", lambda: recover(second, names)))
    info = names.get("info") or {}
    same = {"model": "claude-3", "prompt": "Helper", "context": {}, "state": "active"}.items() <= info.items()
    registry = await get_socket_registry()
    results.append(await check("socket state is preserved", lambda: fail_unless(same)))
    results.append(await check("sockets, contexts and mail survive", lambda: find_survivor(registry)))
    await registry.delete(str(names["socket_id"]))
    return results


async def fail_unless(truth: bool) -> None:
    expect(truth, "it is as it was created")


async def until_restart() -> list[bool]:
    """The first half of the example of the restart. Its socket is found again by its prompt."""
    [example] = [example for example in examples() if example.heading == RECOVERY]
    first = example.source.split(RESTART)[0]
    return [await check(f"{example}, until the restart", lambda: recover(first, {}))]


async def helper_id() -> str:
    """The id that the first half was given: the one Helper that is not the survivor."""
    registry = await get_socket_registry()
    ids = [entry["socket_id"] for entry in await registry.list_sockets() if entry["model"] == "claude-3"]
    infos = [await registry.get_socket_info(socket_id) for socket_id in ids]
    helpers = [info["socket_id"] for info in infos if info and info["prompt"] == "Helper"]
    return str(next(socket_id for socket_id in reversed(helpers) if socket_id != SURVIVOR))


async def main() -> list[bool]:
    phase = sys.argv[1] if len(sys.argv) > 1 else "all"
    if phase == "before":
        return [*await before(), *await until_restart()]
    if phase == "after":
        return await after(await helper_id())
    return [*await before(), *await after(None)]


if __name__ == "__main__":
    sys.exit(0 if all(asyncio.run(main())) else 1)
