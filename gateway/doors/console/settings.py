"""Settings of the console: a TOML file, overridden by `SHARING_CONSOLE_…` environment variables."""

from __future__ import annotations

from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from gateway.settings_file import read_settings

LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
_EVERYWHERE = ("0.0.0.0", "[::]", "")  # noqa: S104 - to compare with
_DEFAULT_PORTS = {"http": ":80", "https": ":443"}


class OidcSettings(BaseModel):
    """The city's sign-in (OpenID Connect, authorization code with PKCE). Its access tokens are the gateway's tokens."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    issuer: str
    """URL under which `/.well-known/openid-configuration` stands."""
    client_id: str
    client_secret: Path | None = None
    """File of the secret; None for a public client."""
    scope: str = "openid"


class ConsoleSettings(BaseSettings):
    """Everything `gateway console` needs. Relative paths are relative to the configuration file."""

    model_config = SettingsConfigDict(
        env_prefix="SHARING_CONSOLE_", env_nested_delimiter="__", extra="forbid", frozen=True
    )

    listen: str = "127.0.0.1:8816"
    public_url: str = Field(default="", pattern=r"^(https?://[a-z0-9.:\[\]-]+)?$")
    """Scheme, host and port under which browsers reach it, in small letters; empty for `listen` itself. Others are refused."""
    proxies: tuple[str, ...] = ()
    """Addresses of the proxies before it, whose `X-Forwarded-For` says who asks; nobody else's does."""
    gateway: str = Field(default="grpc://127.0.0.1:8815", pattern=r"^grpc(\+tls)?://[^/]+$")
    gateway_ca: Path | None = None
    """PEM file of the CA that signed the gateway's certificate."""
    certificate: Path | None = None
    """PEM; with `private_key` it is served over TLS, which every address beyond loopback needs."""
    private_key: Path | None = None
    oidc: OidcSettings | None = None
    directory: Path = Path("console")
    """Where saved queries stand, and results wait in files without a name."""
    idle_seconds: int = Field(default=900, ge=1)
    """A session ends when nothing was asked for so long."""
    session_seconds: int = Field(default=8 * 3600, ge=1)
    """A session ends after so long in any case."""
    sessions_max: int = Field(default=200, ge=1)
    result_bytes_max: int = Field(default=2 << 30, ge=1 << 20)
    """Most bytes of one result that may wait, encrypted, on the console's disk."""
    results_bytes_max: int = Field(default=16 << 30, ge=1 << 20)
    """Most bytes of all results together."""

    @model_validator(mode="after")
    def _is_secure_beyond_loopback(self) -> Self:
        if (self.certificate is None) != (self.private_key is None):
            raise ValueError("certificate 与 private_key 须同时配置 / certificate and private_key go together")
        if not self.public_url and self.listen.rpartition(":")[0] in _EVERYWHERE:
            raise ValueError(
                "监听所有地址时须写明 public_url / listening on every address, it needs public_url to know its own"
            )
        behind_proxy = self.public_url.startswith("https://") and bool(self.proxies)
        if not self._listens_on_loopback and self.certificate is None and not behind_proxy:
            raise ValueError(
                "监听本机以外的地址须配置 certificate、private_key，或写明前置代理：https 的 public_url 与 proxies / "
                "listening beyond loopback it needs certificate and private_key, or a proxy before it: "
                "public_url with https, and proxies"
            )
        if self.origin.startswith("http://") and not self.is_local:
            raise ValueError(
                "本机以外的地址须用 https：配置 certificate、private_key，或在 public_url 写明前置代理的 https 地址 / "
                "beyond loopback the console needs https: give certificate and private_key, "
                "or the https address of the proxy before it as public_url"
            )
        return self

    @property
    def origin(self) -> str:
        """Scheme, host and port under which browsers reach it."""
        origin = self.public_url or f"{'https' if self.certificate else 'http'}://{self.listen}"
        return origin.removesuffix(_DEFAULT_PORTS[origin.partition(":")[0]])

    @property
    def is_local(self) -> bool:
        """Whether it is reached on this machine only, whatever its public address says."""
        host = urlsplit(self.origin).hostname or ""
        return self._listens_on_loopback and (host in LOOPBACK or f"[{host}]" in LOOPBACK)

    @property
    def _listens_on_loopback(self) -> bool:
        return self.listen.rpartition(":")[0] in LOOPBACK

    @classmethod
    def load(cls, file: Path) -> ConsoleSettings:
        """Read a TOML file; environment variables win.

        Raises:
            pydantic.ValidationError: All problems at once.
            OSError: The file cannot be read.
        """
        return read_settings(cls, file)._below(file.resolve().parent)

    def _below(self, folder: Path) -> ConsoleSettings:
        oidc = self.oidc
        if oidc and oidc.client_secret:
            oidc = oidc.model_copy(update={"client_secret": folder / oidc.client_secret})
        paths = {name: folder / value for name, value in self if isinstance(value, Path)}
        return self.model_copy(update={**paths, "oidc": oidc})
