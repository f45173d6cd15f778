"""The history of `gateway query`."""

from __future__ import annotations

import stat
from pathlib import Path

from prompt_toolkit.history import FileHistory

from gateway.doors.cli.query_history import QueryHistory

STATEMENT = "SELECT name FROM population.resident\nWHERE resident_id = '31010119460101123X' AND phone = '13800138000';"


def test_only_the_owner_may_read_it(tmp_path: Path):
    """The file and its folder are closed to others, also when they were open before."""
    path = tmp_path / "data" / "history"
    path.parent.mkdir()
    path.touch(mode=0o644)
    QueryHistory(path).store_string("SELECT 1;")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    other = tmp_path / "new" / "history"
    QueryHistory(other)
    assert stat.S_IMODE(other.parent.stat().st_mode) == 0o700


def test_numbers_of_people_are_not_kept(tmp_path: Path):
    """What comes back next time has no resident identity number and no phone number in it."""
    path = tmp_path / "history"
    QueryHistory(path).store_string(STATEMENT)
    assert "3101011946" not in path.read_text("utf-8")
    assert list(QueryHistory(path).load_history_strings()) == [
        "SELECT name FROM population.resident\nWHERE resident_id = '***' AND phone = '***';"
    ]


def test_without_the_defence_they_would_be(tmp_path: Path):
    """The twin: the library's own history keeps them."""
    FileHistory(str(tmp_path / "history")).store_string(STATEMENT)
    assert "31010119460101123X" in (tmp_path / "history").read_text("utf-8")
