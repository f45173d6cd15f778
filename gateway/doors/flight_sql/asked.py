"""One call of the door."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import grpc

from gateway.errors import GatewayError, Unsupported
from gateway.model.requester import RequestContext, Requester
from gateway.query_path import QueryPath


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Who calls, for what, and in which session."""

    requester: Requester
    context: RequestContext
    session: Mapping[str, str]
    call: grpc.ServicerContext


@contextmanager
def recorded(asked: Asked, *, path: QueryPath) -> Iterator[None]:
    """Record that the door refused something. Not what it does not offer: drivers try, and go on with what is offered."""
    try:
        yield
    except Unsupported:
        raise
    except GatewayError as error:
        path.record_refusal(error, requester=asked.requester, context=asked.context)
