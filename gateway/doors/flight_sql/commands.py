"""Flight SQL's messages, each packed in a `google.protobuf.Any`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from google.protobuf import any_pb2
from google.protobuf.message import DecodeError, Message

from gateway.errors import InvalidQuery, Unsupported
from gateway.messages import Reason
from sharing_stubs.arrow.flight.sql import flight_sql_pb2

_PREFIX = "type.googleapis.com/"
_NAMES = _PREFIX + flight_sql_pb2.DESCRIPTOR.package + "."
_WRITES = frozenset({"CommandStatementUpdate", "CommandPreparedStatementUpdate", "CommandStatementIngest"})
COMMANDS: Mapping[str, type[Message]] = {
    name: getattr(flight_sql_pb2, name)
    for name in flight_sql_pb2.DESCRIPTOR.message_types_by_name
    if name.startswith("Command")
}
_Kind = TypeVar("_Kind", bound=Message)


def pack(message: Message) -> bytes:
    """Return `message` as bytes of an `Any`."""
    packed = any_pb2.Any()
    packed.Pack(message, type_url_prefix=_PREFIX)
    return packed.SerializeToString()


def unpack(data: bytes, kind: type[_Kind]) -> _Kind | None:
    """Return the message of `kind` that `data` packs, None when it is anything else."""
    packed, message = any_pb2.Any(), kind()
    try:
        packed.ParseFromString(data)
        return message if packed.Unpack(message) else None
    except DecodeError:
        return None


def read_command(data: bytes) -> Message:
    """Return the command of a descriptor; SQL text alone counts as CommandStatementQuery.

    Raises:
        InvalidQuery: A command that writes, or bytes that are no text.
        Unsupported: A command that this server does not know.
    """
    packed = any_pb2.Any()
    try:
        packed.ParseFromString(data)
    except DecodeError:
        packed.Clear()
    if not packed.type_url.startswith(_PREFIX):
        return flight_sql_pb2.CommandStatementQuery(query=_text(data))
    name = packed.type_url.removeprefix(_NAMES)
    if name in _WRITES:
        raise InvalidQuery(Reason.QUERY_NOT_READ_ONLY)
    command = unpack(data, COMMANDS[name]) if name in COMMANDS else None
    if command is None:
        raise Unsupported(Reason.NOT_IMPLEMENTED)
    return command


def _text(data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InvalidQuery(Reason.QUERY_SYNTAX, "UTF-8") from error
