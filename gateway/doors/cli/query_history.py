"""What was typed before, kept for the next time: in a file of the requester's own, without numbers of people."""

from __future__ import annotations

import os
import re
from pathlib import Path

from prompt_toolkit.history import FileHistory

_LONG_NUMBER = re.compile(r"\d{11,}[0-9Xx]?")
"""Resident identity numbers, phone and card numbers."""
_HIDDEN = "***"


class QueryHistory(FileHistory):
    """Statements in a file that only its owner may read; long numbers in them are hidden."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600))
        path.chmod(0o600)  # the file may have been there
        super().__init__(str(path))

    def store_string(self, string: str) -> None:
        """Add a statement to the file."""
        super().store_string(_LONG_NUMBER.sub(_HIDDEN, string))
