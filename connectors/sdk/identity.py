"""Names in certificates: who is at the other end of a TLS connection between gateway and connector."""

from __future__ import annotations

INTERNAL_DOMAIN = "sharing.internal"
"""No machine is named below it."""
GATEWAY_HOST = f"gateway.{INTERNAL_DOMAIN}"
"""DNS name in the certificate that the gateway presents to connectors."""


def department_host(department: str) -> str:
    """Return the DNS name in the certificates of a department's connectors; different ids have different names."""
    return f"{department.replace('_', '-')}.department.{INTERNAL_DOMAIN}"
