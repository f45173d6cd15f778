"""One command's connection to the gateway."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import typer

from catalog.dataset import Text
from gateway.client import Connection, NotAuthenticated, Profile, RequestError, connect, request_errors
from gateway.doors.cli.connection_trouble import what_to_do
from gateway.doors.cli.options import NO_PROFILE, LanguageChoice
from gateway.doors.cli.show import EXIT_INVALID, Screen

_NO_PROFILE = Text(
    zh="没有指定配置文件。请用 --profile 文件名，或设环境变量 SHARING_PROFILE；配置文件由管理员用 gateway token issue 签发。",
    en="No profile is given. Use --profile FILE or set SHARING_PROFILE; the administrator makes one with "
    "'gateway token issue'.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A connection, and where to tell what comes of it."""

    connection: Connection
    screen: Screen
    profile: Profile
    file: Path

    def failed(self, error: RequestError) -> int:
        """Print why a call failed and what to do, and return the exit code."""
        ends_at = datetime.datetime.fromisoformat(self.profile.expires_at)
        if isinstance(error, NotAuthenticated) and ends_at < datetime.datetime.now(datetime.UTC):
            self.screen.say(
                f"{self.file} 的令牌已于 {ends_at:%Y-%m-%d %H:%M} 到期，请管理员用 gateway token issue 换发。",
                f"the token of {self.file} ended at {ends_at:%Y-%m-%d %H:%M}; ask the administrator for a new one "
                "('gateway token issue').",
            )
        return self.screen.failure(error, advice=what_to_do(error, profile=self.profile, file=str(self.file)))


@contextmanager
def session(file: Path, language: LanguageChoice | None) -> Iterator[Session]:
    """Open a connection as the profile's recipient; failed calls end the command with their exit code."""
    try:
        profile = Profile.load(file)
        connection = connect(profile)
    except (ValueError, OSError) as error:
        trouble = _trouble(error, file=file)
        for shown in (language.value,) if language else ("zh", "en"):
            Screen.make(shown).say(f"✗ {trouble.zh}", f"✗ {trouble.en}")
        raise typer.Exit(EXIT_INVALID) from error
    opened = Session(
        connection=connection,
        screen=Screen.make(language.value if language else profile.language),
        profile=profile,
        file=file,
    )
    try:
        with request_errors():
            yield opened
    except RequestError as error:
        raise typer.Exit(opened.failed(error)) from error
    finally:
        connection.close()


@contextmanager
def connected(file: Path, language: LanguageChoice | None) -> Iterator[tuple[Connection, Screen]]:
    """Open a `session` and return its connection and screen."""
    with session(file, language) as opened:
        yield opened.connection, opened.screen


def _trouble(error: ValueError | OSError, *, file: Path) -> Text:
    """Return why there is no connection for a profile file; never what stands in it, for that may be the token."""
    if file == NO_PROFILE:
        return _NO_PROFILE
    if isinstance(error, ValueError):
        return Text(
            zh=f"{file} 不是有效的配置文件。请管理员用 gateway token issue 重新签发。",
            en=f"{file} is not a valid profile. Ask the administrator for a new one ('gateway token issue').",
        )
    return Text(
        zh=f"无法读取 {error.filename}（{error.strerror}）。请核对 --profile 与其中 ca_certificate 的路径。",
        en=f"{error.filename} cannot be read ({error.strerror}). Check --profile, and the path in its 'ca_certificate'.",
    )
