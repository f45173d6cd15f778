"""A call of a service whose refusals are recorded."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import grpc

from catalog.governance import GovernanceRefused
from catalog.store import RegistryUnavailable
from catalog.vocabulary import Role
from gateway.doors.call import header
from gateway.doors.rpc_errors import errors_as_status
from gateway.errors import InvalidQuery, Unavailable
from gateway.messages import Reason
from gateway.model.requester import Requester
from gateway.query_path import QueryPath


@contextmanager
def asked_by(path: QueryPath, context: grpc.ServicerContext, *roles: Role) -> Iterator[Requester]:
    """Yield the requester, who has one of the roles; a refusal, and that the registers do not answer, is recorded and told."""
    with errors_as_status(context):
        requester = path.authenticate(header(context, "authorization"))
        path.require_role(requester, *roles)
        try:
            yield requester
        except GovernanceRefused as error:
            path.record_refusal(InvalidQuery(Reason.GOVERNANCE_REFUSED, error.text), requester=requester)
        except RegistryUnavailable as error:
            path.record_refusal(Unavailable(Reason.REGISTRY_UNAVAILABLE, internal=str(error)), requester=requester)
