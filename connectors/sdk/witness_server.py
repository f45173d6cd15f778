"""The connector's gRPC door to its witness."""

from __future__ import annotations

from typing import NoReturn

import grpc
import structlog

from connectors.sdk.tlog.note import ForgedCheckpointError, MalformedCheckpointError
from connectors.sdk.tlog.witness import AnotherHistoryError, SizeMismatchError, UnknownLogError, Witness
from sharing_stubs.sharing.witness.v1 import witness_pb2, witness_pb2_grpc

NEWEST_METADATA = "sharing-newest-checkpoint-bin"
"""Trailing metadata of FAILED_PRECONDITION and ABORTED: the witness's newest checkpoint, so that the log can see who is right."""


def witness_name(department: str) -> str:
    """Return the name of a department's witness, on its signature lines."""
    return f"{department}/witness"


def witness_department(name: str) -> str:
    """Return the department of the witness of that name."""
    return name.removesuffix("/witness")


class WitnessServicer(witness_pb2_grpc.WitnessServiceServicer):
    """Implements `WitnessService`.

    Args:
        witness: What remembers and cosigns.
        log: The department's own log.
    """

    def __init__(self, witness: Witness, *, log: structlog.typing.FilteringBoundLogger) -> None:
        self._witness = witness
        self._log = log

    def AddCheckpoint(  # noqa: N802 - gRPC's name
        self, request: witness_pb2.AddCheckpointRequest, context: grpc.ServicerContext
    ) -> witness_pb2.AddCheckpointResponse:
        """Cosign a checkpoint that continues the newest one."""
        try:
            cosignature = self._witness.add_checkpoint(
                request.checkpoint, old_size=request.old_size, proof=request.consistency_proof
            )
        except Exception as error:  # noqa: BLE001 - the door: nothing of an unforeseen error may leave
            failure = error
        else:
            return witness_pb2.AddCheckpointResponse(cosignature=cosignature)
        self._abort(failure, context)

    def _abort(self, failure: Exception, context: grpc.ServicerContext) -> NoReturn:
        match failure:
            case SizeMismatchError():
                context.set_trailing_metadata(((NEWEST_METADATA, failure.newest),))
                context.abort(grpc.StatusCode.FAILED_PRECONDITION, str(failure.size))
            case AnotherHistoryError():
                self._log.error("a witnessed log shows another history")
                context.set_trailing_metadata(((NEWEST_METADATA, failure.newest),))
                context.abort(grpc.StatusCode.ABORTED, "ANOTHER_HISTORY")
            case MalformedCheckpointError():
                context.abort(grpc.StatusCode.INVALID_ARGUMENT, "MALFORMED")
            case UnknownLogError() | ForgedCheckpointError():
                context.abort(grpc.StatusCode.PERMISSION_DENIED, "NOT_WITNESSED")
        self._log.error("the witness failed", detail=repr(failure))
        context.abort(grpc.StatusCode.INTERNAL, "INTERNAL")
