"""Python values for those of protobuf, and back.

A Struct holds doubles. A number without a fraction comes back as an int, and an int that no double holds exactly is
refused, because it would come back as another one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from typing import Any

from google.protobuf.duration_pb2 import Duration
from google.protobuf.struct_pb2 import ListValue, NullValue, Struct, Value
from google.protobuf.timestamp_pb2 import Timestamp

_INTEGER_MAX = 2**53


def struct_of(fields: Mapping[str, Any] | None) -> Struct | None:
    """The Struct of a dict. Raises TypeError for what JSON does not know, and ValueError for an int beyond 2^53."""
    if fields is None:
        return None
    return Struct(fields={_key_of(key): _value_of(field) for key, field in fields.items()})


def dict_of(struct: Struct) -> dict[str, Any]:
    """The dict of a Struct."""
    return {key: _native_of(value) for key, value in struct.fields.items()}


def duration_of(seconds: float) -> Duration:
    """The Duration of so many seconds, rounded to nanoseconds."""
    whole, fraction = divmod(round(seconds * 1_000_000_000), 1_000_000_000)
    return Duration(seconds=whole, nanos=fraction)


def duration_if(seconds: float | None) -> Duration | None:
    """The Duration of so many seconds, if there are any to speak of."""
    return None if seconds is None else duration_of(seconds)


def seconds_of(duration: Duration) -> float:
    """How many seconds a Duration is."""
    return duration.seconds + duration.nanos / 1_000_000_000


def datetime_of(timestamp: Timestamp) -> datetime:
    """The moment, in UTC, with the microseconds that a datetime holds."""
    return timestamp.ToDatetime(tzinfo=timezone.utc)


def _value_of(value: Any) -> Value:
    if value is None:
        return Value(null_value=NullValue.NULL_VALUE)
    if isinstance(value, bool):
        return Value(bool_value=value)
    if isinstance(value, int):
        if abs(value) > _INTEGER_MAX:
            raise ValueError(f"{value} is beyond 2^53 and would lose digits: send it as a string")
        return Value(number_value=value)
    if isinstance(value, float):
        return Value(number_value=value)
    if isinstance(value, str):
        return Value(string_value=value)
    if isinstance(value, Mapping):
        return Value(struct_value=struct_of(value))
    if isinstance(value, Sequence) and not isinstance(value, (bytes, bytearray, memoryview)):
        return Value(list_value=ListValue(values=[_value_of(item) for item in value]))
    raise TypeError(f"a {type(value).__name__} is nothing that JSON knows")


def _key_of(key: Any) -> str:
    if not isinstance(key, str):
        raise TypeError(f"{key!r} is no key: only strings are")
    return key


def _native_of(value: Value) -> Any:
    kind = value.WhichOneof("kind")
    if kind == "number_value":
        number = value.number_value
        return int(number) if number.is_integer() and abs(number) <= _INTEGER_MAX else number
    if kind == "string_value":
        return value.string_value
    if kind == "bool_value":
        return value.bool_value
    if kind == "struct_value":
        return dict_of(value.struct_value)
    if kind == "list_value":
        return [_native_of(item) for item in value.list_value.values]
    return None
