"""One command's connection to the gateway."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import typer

from gateway.doors.cli.options import LanguageChoice
from gateway.doors.cli.profile import Profile
from gateway.doors.cli.remote import Remote, RemoteError, remote_errors
from gateway.doors.cli.show import EXIT_INVALID, Screen


@contextmanager
def connected(profile: Path, language: LanguageChoice | None) -> Iterator[tuple[Remote, Screen]]:
    """Open a connection as the profile's recipient; failed calls end the command with their exit code."""
    try:
        loaded = Profile.load(profile)
    except ValueError as error:
        Screen.make("zh").say(f"不是有效的配置文件：{profile}", f"not a valid profile file: {profile}")
        raise typer.Exit(EXIT_INVALID) from error
    screen = Screen.make(language.value if language else loaded.language)
    remote = Remote(loaded)
    try:
        with remote_errors():
            yield remote, screen
    except RemoteError as error:
        raise typer.Exit(screen.failure(error)) from error
    finally:
        remote.close()
