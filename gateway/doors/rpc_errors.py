"""Gateway errors as gRPC statuses (AIP-193): a short text in both languages and machine-readable details."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import grpc
import structlog
from google.protobuf import any_pb2
from google.rpc import code_pb2, error_details_pb2, status_pb2
from grpc_status import rpc_status

from catalog.dataset import Text
from catalog.store import RegistryUnavailable
from gateway.errors import Bug, Denied, GatewayError, Unavailable
from gateway.messages import Reason
from gateway.model.decision import Denial

DOMAIN = "sharing-gateway"
DENIALS_MAX = 3
"""Denials told in one status: metadata is bounded; `explain` tells all."""
_LOG = structlog.get_logger("gateway.doors")


@contextmanager
def errors_as_status(context: grpc.ServicerContext) -> Iterator[None]:
    """End the call with the status of any error raised inside; texts of unforeseen errors never leave."""
    try:
        yield
    except GatewayError as error:
        if error.internal:
            _LOG.warning("call failed", reason=str(error.reason), internal=error.internal)
        _abort(context, error)
    except RegistryUnavailable as error:
        _LOG.warning("registers unavailable", internal=str(error))
        _abort(context, Unavailable(Reason.REGISTRY_UNAVAILABLE))
    except Exception as error:  # noqa: BLE001 - the door
        _LOG.error("unforeseen error", kind=type(error).__name__, at=_places(error))
        _abort(context, Bug(type(error).__name__))


def _places(error: Exception) -> list[str]:
    """Return where an error came from, innermost last; its text and the variables on the way may hold values or tokens."""
    return [f"{Path(frame.filename).name}:{frame.lineno}" for frame in traceback.extract_tb(error.__traceback__)]


def _abort(context: grpc.ServicerContext, error: GatewayError) -> NoReturn:
    context.abort_with_status(rpc_status.to_status(_status(error)))


def _status(error: GatewayError) -> status_pb2.Status:
    number: int = error.status.value[0]
    infos = _denial_infos(error)
    if not infos or error.reason is not Reason.POLICY_DENIED:
        infos.insert(0, _info(str(error.reason), message=error.message, remedy=error.remedy))
    first = infos[0].metadata
    text = (
        f"[{infos[0].reason}] {first['message_zh']} {first['remedy_zh']} / {first['message_en']} {first['remedy_en']}"
    )
    details = []
    for info in infos:
        packed = any_pb2.Any()
        packed.Pack(info)
        details.append(packed)
    return status_pb2.Status(code=code_pb2.Code.ValueType(number), message=text, details=details)


def _denial_infos(error: GatewayError) -> list[error_details_pb2.ErrorInfo]:
    if not isinstance(error, Denied) or error.decision is None:
        return []
    return [_denial_info(denial) for denial in error.decision.denials[:DENIALS_MAX]]


def _denial_info(denial: Denial) -> error_details_pb2.ErrorInfo:
    info = _info(denial.code, message=denial.message, remedy=denial.remedy)
    info.metadata["legal_basis_zh"] = denial.legal_basis.zh
    info.metadata["legal_basis_en"] = denial.legal_basis.en
    return info


def _info(reason: str, *, message: Text, remedy: Text) -> error_details_pb2.ErrorInfo:
    return error_details_pb2.ErrorInfo(
        reason=reason,
        domain=DOMAIN,
        metadata={
            "message_zh": message.zh,
            "message_en": message.en,
            "remedy_zh": remedy.zh,
            "remedy_en": remedy.en,
        },
    )
