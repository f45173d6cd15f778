"""Adapter: a witness of the access log that runs in a department's connector."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import grpc

from connectors.sdk.tlog.cosigning import WitnessDisagrees, WitnessUnavailable
from connectors.sdk.tlog.note import VerificationKey
from connectors.sdk.witness_server import NEWEST_METADATA
from sharing_stubs.sharing.witness.v1 import witness_pb2, witness_pb2_grpc

_CALL_SECONDS_MAX = 5.0
_DISAGREEING = {grpc.StatusCode.FAILED_PRECONDITION, grpc.StatusCode.ABORTED}


class RemoteWitness:
    """A `WitnessClient` over gRPC.

    Args:
        channel: Returns the channel to the connector, another one after its certificates have changed.
        key: Verifies its cosignatures.
        close: Closes the channel.
    """

    def __init__(self, channel: Callable[[], grpc.Channel], *, key: VerificationKey, close: Callable[[], None]) -> None:
        self.key = key
        self.close = close
        self._channel = channel

    def add_checkpoint(self, note: bytes, *, old_size: int, proof: Sequence[bytes]) -> bytes:
        """Return the cosignature, after at most 5 seconds.

        Raises:
            WitnessUnavailable: There is no answer, or the witness refuses.
            WitnessDisagrees: Its newest checkpoint has another size or history.
        """
        request = witness_pb2.AddCheckpointRequest(old_size=old_size, consistency_proof=proof, checkpoint=note)
        try:
            stub = witness_pb2_grpc.WitnessServiceStub(self._channel())
            cosignature: bytes = stub.AddCheckpoint(request, timeout=_CALL_SECONDS_MAX).cosignature
        except grpc.RpcError as error:
            if not isinstance(error, grpc.Call):
                raise WitnessUnavailable(type(error).__name__) from None
            if error.code() in _DISAGREEING:
                raise WitnessDisagrees(_newest(error)) from None
            raise WitnessUnavailable(error.code().name) from None
        return cosignature


def _newest(error: grpc.Call) -> bytes:
    for key, value in error.trailing_metadata() or ():
        if key == NEWEST_METADATA and isinstance(value, bytes):
            return value
    return b""
