"""The Python client of the gateway: `from gateway.client import connect`."""

from gateway.client.connection import Connection, Part, connect
from gateway.client.errors import (
    Denied,
    ErrorReason,
    IncompleteResult,
    InvalidRequest,
    NotAuthenticated,
    RequestError,
    Unavailable,
    request_errors,
)
from gateway.client.explanation import Explanation
from gateway.client.profile import Profile
from gateway.client.result import Result

__all__ = [
    "Connection",
    "Denied",
    "ErrorReason",
    "Explanation",
    "IncompleteResult",
    "InvalidRequest",
    "NotAuthenticated",
    "Part",
    "Profile",
    "RequestError",
    "Result",
    "Unavailable",
    "connect",
    "request_errors",
]
