"""Profile files: one per recipient, everything a client needs to ask."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Headers = tuple[tuple[str, str], ...]
"""Names and values of gRPC headers."""


class Profile(BaseModel):
    """Address, token and language of one recipient."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    endpoint: str = Field(pattern=r"^grpc(\+tls)?://[^/]+$")
    """`grpc://host:port`, or `grpc+tls://host:port`."""
    token: str = Field(repr=False)
    expires_at: str
    """ISO 8601."""
    ca_certificate: Path | None = None
    """PEM file of the CA that signed the server's certificate."""
    office: str
    language: Literal["zh", "en"] = "zh"

    @classmethod
    def load(cls, path: Path) -> Profile:
        """Read a profile file.

        Raises:
            ValueError: It is not a profile.
            OSError: It cannot be read.
        """
        return cls.model_validate_json(path.read_bytes())
