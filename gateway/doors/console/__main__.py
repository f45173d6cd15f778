"""The console's process: `python -m gateway.doors.console CONFIG`."""

from __future__ import annotations

import sys
from pathlib import Path

from pydantic import ValidationError

from gateway.doors.console.serve import run
from gateway.doors.console.settings import ConsoleSettings

if __name__ == "__main__":
    try:
        settings = ConsoleSettings.load(Path(sys.argv[1]))
    except (ValidationError, OSError) as error:
        sys.exit(f"控制台无法启动 / the console cannot start: {error}")
    run(settings)
