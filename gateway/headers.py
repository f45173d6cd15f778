"""Names of the gRPC headers that clients send."""

from __future__ import annotations

AUTHORIZATION = "authorization"
PURPOSE = "x-sharing-purpose"
CASE = "x-sharing-case"
PARTIAL = "x-sharing-partial"
PARTS = "x-sharing-parts"
ALLOW = "allow"
"""Value of `PARTIAL` and `PARTS`: takes a result without datasets that are down, or one in several parts."""
