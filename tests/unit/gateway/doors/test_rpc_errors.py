"""Unforeseen errors at the doors, over real gRPC."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest
import structlog

from gateway.doors.rpc_errors import errors_as_status

CANARY = "-".join(("canary", "11010519491231002X"))


def fail(request: bytes, context: grpc.ServicerContext) -> bytes:
    token = CANARY
    with errors_as_status(context):
        raise ValueError(token)


@pytest.fixture
def call() -> Iterator[grpc.UnaryUnaryMultiCallable]:
    server = grpc.server(ThreadPoolExecutor(2))
    handler = grpc.method_handlers_generic_handler("test.Service", {"Fail": grpc.unary_unary_rpc_method_handler(fail)})
    server.add_generic_rpc_handlers((handler,))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield channel.unary_unary("/test.Service/Fail")
    server.stop(0).wait()


def test_an_unforeseen_error_shows_no_value_to_anybody(call, capfd):
    """The recipient gets INTERNAL; the operator's log says what kind of error and where, without its text or variables."""
    with pytest.raises(grpc.RpcError) as caught:
        call(b"")
    assert caught.value.code() is grpc.StatusCode.INTERNAL
    told = f"{caught.value.details()} {caught.value.trailing_metadata()}"
    shown = "".join(capfd.readouterr())
    assert CANARY not in told
    assert CANARY not in shown
    assert "ValueError" in shown
    assert "test_rpc_errors.py:" in shown


def test_twin_an_ordinary_exception_log_does_show_it(capfd):
    """What the door avoids: structlog's own exception log prints the text and the variables."""
    try:
        raise ValueError(CANARY)
    except ValueError:
        structlog.get_logger().exception("unforeseen error")
    assert CANARY in "".join(capfd.readouterr())
