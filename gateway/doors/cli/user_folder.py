"""Where the command line keeps what is the user's own."""

from __future__ import annotations

import time
from pathlib import Path

import typer

from gateway.client.files.local import LocalDatasets


def user_folder() -> Path:
    """Return the folder, as the operating system wants it; it need not exist."""
    return Path(typer.get_app_dir("sharing-gateway", roaming=False))


def local_datasets() -> LocalDatasets:
    """Return the list of what was delivered to this user."""
    return LocalDatasets(user_folder(), clock_seconds=time.time)
