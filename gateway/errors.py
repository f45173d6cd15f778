"""Every error that may leave the gateway.

GatewayError
├── Unauthenticated   who asks is not known
├── InvalidQuery      the SQL cannot be served as it stands
├── Denied            the policy said no; carries the denials
├── Unavailable       a part is down or cannot be trusted, so nothing is released
├── TooLarge          a bound was reached
├── TooSlow           a deadline passed
├── Cancelled         the requester ended it
├── Unsupported       the door does not offer this
└── Bug               an invariant of our own broke

`STATUS` maps each class to its gRPC status; the reason is the AIP-193 reason.
"""

from __future__ import annotations

from typing import ClassVar

import grpc

from catalog.dataset import Text
from gateway.messages import Reason, message, remedy
from gateway.model.decision import Decision


class GatewayError(Exception):
    """An error with a public text. The internal detail goes to the server's own log only.

    Args:
        reason: Stable reason code; it selects the public text.
        detail: Filled into the public text: only names the requester sent or may see, never values or driver text.
        internal: For the operator's log.
    """

    status: ClassVar[grpc.StatusCode] = grpc.StatusCode.INTERNAL

    def __init__(self, reason: Reason, detail: str | Text = "", *, internal: str = "") -> None:
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail
        self.internal = internal

    @property
    def message(self) -> Text:
        """What happened, for people."""
        return message(self.reason, self.detail)

    @property
    def remedy(self) -> Text:
        """What to do next, for people."""
        return remedy(self.reason)


class Unauthenticated(GatewayError):
    """Who asks is not known."""

    status = grpc.StatusCode.UNAUTHENTICATED


class InvalidQuery(GatewayError):
    """The SQL cannot be served as it stands."""

    status = grpc.StatusCode.INVALID_ARGUMENT


class Denied(GatewayError):
    """The policy, or a role, said no."""

    status = grpc.StatusCode.PERMISSION_DENIED

    def __init__(
        self, reason: Reason = Reason.POLICY_DENIED, detail: str | Text = "", *, decision: Decision | None = None
    ) -> None:
        super().__init__(reason, detail)
        self.decision = decision


class Unavailable(GatewayError):
    """A part is down or cannot be trusted, so nothing is released."""

    status = grpc.StatusCode.UNAVAILABLE


class DatasetUnavailable(Unavailable):
    """A dataset cannot be had from a department's connector now.

    Args:
        reason: Why.
        dataset: Catalogue name.
        instance_id: The connector that failed; empty when there is none to ask.
        internal: For the operator's log.
    """

    def __init__(self, reason: Reason, dataset: str, *, instance_id: str = "", internal: str = "") -> None:
        super().__init__(reason, dataset, internal=internal)
        self.dataset = dataset
        self.instance_id = instance_id


class TooLarge(GatewayError):
    """A bound was reached."""

    status = grpc.StatusCode.RESOURCE_EXHAUSTED


class TooSlow(GatewayError):
    """A deadline passed."""

    status = grpc.StatusCode.DEADLINE_EXCEEDED


class Cancelled(GatewayError):
    """The requester ended it."""

    status = grpc.StatusCode.CANCELLED


class Unsupported(GatewayError):
    """The door does not offer this."""

    status = grpc.StatusCode.UNIMPLEMENTED


class Bug(GatewayError):
    """An invariant of our own broke."""

    status = grpc.StatusCode.INTERNAL

    def __init__(self, internal: str) -> None:
        super().__init__(Reason.INTERNAL, internal=internal)
