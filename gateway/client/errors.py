"""Every error of a call to the gateway.

RequestError
├── Denied             the policy, or a role, said no
├── InvalidRequest     the call cannot be served as it stands
├── NotAuthenticated   the token is not accepted
├── Unavailable        the gateway, or a part of it, is down, busy or too slow
└── IncompleteResult   the stream was cut; what was read of it is not the whole result
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import grpc
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from catalog.dataset import Text

_NO_ANSWER = Text(
    zh="网关没有应答。请检查网关地址与网络后重试。",
    en="The gateway did not answer. Check the gateway's address and the network, then try again.",
)
_CUT = Text(
    zh="结果在传完之前中断，已读部分不完整，不得使用。请重新查询。",
    en="The result was cut before its end; what was read is incomplete and must not be used. Ask again.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorReason:
    """One reason of a failed call, in both languages."""

    code: str
    texts: dict[str, str]
    """Keys `message_zh`, `message_en`, `remedy_zh`, `remedy_en`, and for denials `legal_basis_zh`, `legal_basis_en`."""

    @property
    def message(self) -> Text | None:
        """What happened."""
        return self._text("message")

    @property
    def remedy(self) -> Text | None:
        """What to do next."""
        return self._text("remedy")

    @property
    def legal_basis(self) -> Text | None:
        """What a denial rests on."""
        return self._text("legal_basis")

    def _text(self, key: str) -> Text | None:
        zh, en = self.texts.get(f"{key}_zh"), self.texts.get(f"{key}_en")
        return Text(zh=zh, en=en) if zh and en else None


class RequestError(Exception):
    """A call failed with a status.

    Args:
        status: gRPC status.
        text: The status' own text.
        reasons: Why, as the gateway says; empty when it was not the gateway that ended the call.
    """

    def __init__(self, status: grpc.StatusCode, text: str, reasons: tuple[ErrorReason, ...] = ()) -> None:
        super().__init__(text)
        self.status = status
        self.text = text
        self.reasons = reasons

    @property
    def remedy(self) -> Text:
        """What to do next."""
        return next((reason.remedy for reason in self.reasons if reason.remedy), _NO_ANSWER)

    @property
    def legal_basis(self) -> Text | None:
        """What the first denial rests on; None when it is not a denial."""
        return next((reason.legal_basis for reason in self.reasons if reason.legal_basis), None)

    def __str__(self) -> str:
        """Every reason with what to do next, in both languages."""
        if not self.reasons:
            return f"[{self.status.name}] {self.text} {self.remedy.zh} / {self.remedy.en}"
        return "\n".join(_line(reason) for reason in self.reasons)


class Denied(RequestError):
    """The policy, or a role, said no."""


class InvalidRequest(RequestError):
    """The call cannot be served as it stands."""


class NotAuthenticated(RequestError):
    """The token is not accepted."""


class Unavailable(RequestError):
    """The gateway, or a part of it, is down, busy or too slow."""


class IncompleteResult(RequestError):
    """The stream was cut; what was read of it is not the whole result."""

    @property
    def remedy(self) -> Text:
        """What to do next."""
        return _CUT


_BY_STATUS: dict[grpc.StatusCode, type[RequestError]] = {
    grpc.StatusCode.PERMISSION_DENIED: Denied,
    grpc.StatusCode.INVALID_ARGUMENT: InvalidRequest,
    grpc.StatusCode.UNIMPLEMENTED: InvalidRequest,
    grpc.StatusCode.UNAUTHENTICATED: NotAuthenticated,
    grpc.StatusCode.UNAVAILABLE: Unavailable,
    grpc.StatusCode.RESOURCE_EXHAUSTED: Unavailable,
    grpc.StatusCode.DEADLINE_EXCEEDED: Unavailable,
}


@contextmanager
def request_errors() -> Iterator[None]:
    """Turn gRPC errors raised inside into RequestError."""
    try:
        yield
    except grpc.RpcError as error:
        raise request_error(error) from error


def request_error(error: grpc.RpcError) -> RequestError:
    """Read the status and its details."""
    if not isinstance(error, grpc.Call):
        return RequestError(grpc.StatusCode.UNKNOWN, str(error))
    status = rpc_status.from_call(error)
    reasons = []
    for detail in status.details if status is not None else ():
        info = error_details_pb2.ErrorInfo()
        if detail.Unpack(info):
            reasons.append(ErrorReason(code=info.reason, texts=dict(info.metadata)))
    made = _BY_STATUS.get(error.code(), RequestError)
    return made(error.code(), error.details() or "", tuple(reasons))


def _line(reason: ErrorReason) -> str:
    said = [text for text in (reason.message, reason.remedy) if text]
    return f"[{reason.code}] {' '.join(text.zh for text in said)} / {' '.join(text.en for text in said)}"
