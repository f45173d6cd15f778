"""Settings of the console: a TOML file, overridden by `SHARING_CONSOLE_…` environment variables."""

from __future__ import annotations

from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

LOOPBACK = ("127.0.0.1", "localhost", "[::1]")


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

    model_config = SettingsConfigDict(env_prefix="SHARING_CONSOLE_", env_nested_delimiter="__", extra="forbid", frozen=True)

    listen: str = "127.0.0.1:8816"
    public_url: str = ""
    """Scheme, host and port under which browsers reach it; empty for `listen` itself. Other hosts are refused."""
    gateway: str = Field(default="grpc://127.0.0.1:8815", pattern=r"^grpc(\+tls)?://[^/]+$")
    gateway_ca: Path | None = None
    """PEM file of the CA that signed the gateway's certificate."""
    certificate: Path | None = None
    """PEM; with `private_key` it is served over TLS, which every address beyond loopback needs."""
    private_key: Path | None = None
    oidc: OidcSettings | None = None
    directory: Path = Path("console")
    """Where saved queries stand."""
    idle_seconds: int = Field(default=900, ge=1)
    """A session ends when nothing was asked for so long."""
    session_seconds: int = Field(default=8 * 3600, ge=1)
    """A session ends after so long in any case."""
    sessions_max: int = Field(default=200, ge=1)
    result_bytes_max: int = Field(default=2 << 30, ge=1 << 20)
    """Most bytes of one result that may wait, encrypted, on the console's disk."""

    @model_validator(mode="after")
    def _is_secure_beyond_loopback(self) -> Self:
        if (self.certificate is None) != (self.private_key is None):
            raise ValueError("certificate 与 private_key 须同时配置 / certificate and private_key go together")
        host = self.origin.partition("://")[2].rpartition(":")[0]
        if self.origin.startswith("http://") and host not in LOOPBACK:
            raise ValueError(
                "本机以外的地址须用 https：配置 certificate、private_key，或在 public_url 写明前置代理的 https 地址 / "
                "beyond loopback the console needs https: give certificate and private_key, "
                "or the https address of the proxy before it as public_url"
            )
        return self

    @property
    def origin(self) -> str:
        """Scheme, host and port under which browsers reach it."""
        return self.public_url or f"{'https' if self.certificate else 'http'}://{self.listen}"

    @classmethod
    def load(cls, file: Path) -> ConsoleSettings:
        """Read a TOML file; environment variables win.

        Raises:
            pydantic.ValidationError: All problems at once.
            OSError: The file cannot be read.
        """
        with file.open("rb"):
            pass  # pydantic-settings takes a file that it cannot read for an empty one

        class FromFile(cls):  # type: ignore[valid-type, misc]
            @classmethod
            def settings_customise_sources(
                cls,
                settings_cls: type[BaseSettings],
                init_settings: PydanticBaseSettingsSource,
                env_settings: PydanticBaseSettingsSource,
                dotenv_settings: PydanticBaseSettingsSource,
                file_secret_settings: PydanticBaseSettingsSource,
            ) -> tuple[PydanticBaseSettingsSource, ...]:
                return env_settings, TomlConfigSettingsSource(settings_cls, toml_file=file)

        settings: ConsoleSettings = FromFile()
        return settings._below(file.resolve().parent)

    def _below(self, folder: Path) -> ConsoleSettings:
        oidc = self.oidc
        if oidc and oidc.client_secret:
            oidc = oidc.model_copy(update={"client_secret": folder / oidc.client_secret})
        paths = {name: folder / value for name, value in self if isinstance(value, Path)}
        return self.model_copy(update={**paths, "oidc": oidc})
