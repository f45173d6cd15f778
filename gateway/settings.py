"""Settings of the server: a TOML file, overridden by `SHARING_…` environment variables."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from gateway.settings_file import read_settings


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class TlsSettings(_Part):
    """Certificate of this server, PEM files; read again when they change."""

    certificate: Path
    private_key: Path


class ConnectorsSettings(_Part):
    """How the gateway talks to connectors: over TLS with a certificate on both sides. PEM files, read again when they change."""

    ca: Path | None = None
    """Authority of the connectors' certificates."""
    certificate: Path | None = None
    """What the gateway presents; it names `gateway.sharing.internal`."""
    private_key: Path | None = None
    plaintext: bool = False
    """Speaks plaintext instead, to connectors on loopback only."""
    lease_seconds: int = Field(default=30, ge=3)
    """A connector that was not heard of for so long is not asked any more."""
    quality_seconds: int = Field(default=86_400, ge=1)
    """How often each dataset is profiled."""

    @model_validator(mode="after")
    def _is_one_of_both(self) -> Self:
        given = [path is not None for path in (self.ca, self.certificate, self.private_key)]
        if self.plaintext == any(given) or any(given) != all(given):
            raise ValueError(
                "[connectors] 须配置 ca、certificate、private_key，或仅在本机设 plaintext = true / "
                "give ca, certificate and private_key, or plaintext = true on loopback only"
            )
        return self


class IssuerSettings(_Part):
    """Who may issue tokens."""

    issuer: str
    audience: str
    jwks: Path
    algorithms: tuple[str, ...] = ("EdDSA",)
    lifetime_seconds_max: int = Field(default=366 * 86_400, ge=60)


class WitnessSettings(_Part):
    """A department's connector that witnesses the access log."""

    endpoint: str
    """host:port"""
    key: str
    """Its verification key, as `connector witness-key` prints it."""


class PolicySettings(_Part):
    """The policy decision point."""

    engine: Literal["embedded", "opa"] = "embedded"
    opa_url: str = "http://127.0.0.1:8181"
    seconds_max: float = Field(default=2.0, gt=0)
    bundle: Path | None = None
    """Signed bundle of `gateway policy build`, watched for changes; None uses a directory of policies."""
    bundle_key: Path | None = None
    """PEM, P-256: verifies the bundle."""

    @model_validator(mode="after")
    def _bundle_with_its_key(self) -> Self:
        if (self.bundle is None) != (self.bundle_key is None):
            raise ValueError("bundle 与 bundle_key 须同时配置 / bundle and bundle_key go together")
        return self


class Settings(BaseSettings):
    """Everything `gateway serve` needs. Relative paths are relative to the configuration file."""

    model_config = SettingsConfigDict(env_prefix="SHARING_", env_nested_delimiter="__", extra="forbid", frozen=True)

    listen: str = "127.0.0.1:8815"
    catalogue: Path | None = None
    """Directory of catalogue entries; None uses the entries of the distribution."""
    policies: Path | None = None
    """Directory of policies; None uses the policies of the distribution."""
    requesters: Path
    """YAML list of requesters."""
    issuers: tuple[IssuerSettings, ...] = Field(min_length=1)
    audit_directory: Path
    audit_key: Path
    """PEM, Ed25519: signs checkpoints."""
    audit_witnesses: tuple[WitnessSettings, ...] = Field(default=(), max_length=16)
    """Departments that cosign the log's checkpoints and see when it is put back or rewritten."""
    audit_witnesses_min: int = Field(default=1, ge=1)
    """So many of them must cosign a checkpoint."""
    audit_witness_grace_seconds: float = Field(default=60.0, ge=0)
    """So long the gateway serves without; 0 releases nothing before its entry is cosigned."""
    policy_archive: Path | None = None
    """Directory of every policy that decided, to replay entries with; None is `policy-archive` beside the log."""
    subscription_directory: Path | None = None
    """Where results of subscriptions wait, encrypted; gateways on one database share it. None is `subscriptions` beside the log."""
    grant_key: Path
    """PEM, Ed25519: signs scan grants."""
    grant_key_id: str = "gateway"
    pseudonym_secret: Path
    """At least 32 random bytes."""
    subject_key: Path
    """64 random bytes: the log's tokens of people are made with it, and revealed."""
    registry_url: str
    """SQLAlchemy URL, for example `sqlite:////var/lib/sharing/registry.db`: connectors, agreements, emergencies, statistics."""
    emergency_signers: Path | None = None
    """YAML list of who may sign declarations of emergencies; None lets nobody declare one."""
    case_register_url: str | None = None
    """SQLAlchemy URL of a database with a table `cases`; None checks case numbers for their form only."""
    policy: PolicySettings = PolicySettings()
    tls: TlsSettings | None = None
    connectors: ConnectorsSettings
    content_hash: Literal["sha256", "sm3"] = "sha256"
    """How results are hashed for their receipts."""
    query_seconds_max: float = Field(default=300.0, gt=0)
    streams_max: int = Field(default=16, ge=1)
    """Results delivered at the same time."""

    @classmethod
    def load(cls, path: Path) -> Settings:
        """Read a TOML file.

        Raises:
            pydantic.ValidationError: All problems at once.
            OSError: The file cannot be read.
        """
        return read_settings(cls, path)._relative_to(path.parent.resolve())

    def _relative_to(self, folder: Path) -> Settings:
        def resolved(value: object) -> object:
            if isinstance(value, Path):
                return folder / value
            if isinstance(value, tuple):
                return tuple(resolved(item) for item in value)
            if isinstance(value, _Part):
                return value.model_copy(update={name: resolved(item) for name, item in value})
            return value

        return self.model_copy(update={name: resolved(value) for name, value in self})
