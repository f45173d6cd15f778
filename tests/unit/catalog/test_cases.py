"""The case register that somebody else keeps."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from catalog.cases import CaseRegister, CaseRegisterUnavailable

PURPOSE, OFFICE = "social-assistance-check", "310101002"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "cases.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE cases (case_number TEXT, purpose TEXT, office TEXT, closed_at TEXT)")
        connection.executemany(
            "INSERT INTO cases VALUES (?, ?, ?, ?)",
            [
                ("SA-1", PURPOSE, OFFICE, None),
                ("SA-2", PURPOSE, OFFICE, "2026-01-01"),
                ("SA-3", PURPOSE, OFFICE, "2025-01-01"),
                ("SA-3", PURPOSE, OFFICE, None),
            ],
        )
    return path


@pytest.fixture
def register(file: Path) -> Iterator[CaseRegister]:
    opened = CaseRegister(f"sqlite:///{file}", seconds_max=1)
    yield opened
    opened.close()


def state(register: CaseRegister, case: str, *, purpose: str = PURPOSE, office: str = OFFICE) -> str:
    return register.state(case, purpose=purpose, office=office)


@pytest.mark.parametrize(("case", "expected"), [("SA-1", "open"), ("SA-2", "closed"), ("SA-3", "open")])
def test_a_case_is_open_until_it_is_closed(register: CaseRegister, case: str, expected: str) -> None:
    """A closed case is closed, until it is opened again."""
    assert state(register, case) == expected


@pytest.mark.parametrize("case", ["", "SA-4", "sa-1", "SA-1 ", "%", "' OR 1=1 --"])
def test_a_case_that_is_not_there_is_unknown(register: CaseRegister, case: str) -> None:
    """Nothing but the very number is found."""
    assert state(register, case) == "unknown"


def test_a_case_of_another_office_or_purpose_is_unknown(register: CaseRegister) -> None:
    """An open case opens nothing to another office, nor for another purpose."""
    assert state(register, "SA-1", office="310107014") == "unknown"
    assert state(register, "SA-1", purpose="elderly-care-visits") == "unknown"


def test_the_register_is_asked_every_time(register: CaseRegister, file: Path) -> None:
    """A case that was closed a moment ago is closed."""
    assert state(register, "SA-1") == "open"
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("UPDATE cases SET closed_at = '2026-01-02' WHERE case_number = 'SA-1'")
    assert state(register, "SA-1") == "closed"


def test_a_register_that_cannot_answer_is_no_answer(tmp_path: Path, file: Path) -> None:
    """Without its table or its folder, or locked by its keeper, it raises instead of guessing."""
    for url in (f"sqlite:///{tmp_path / 'empty.db'}", f"sqlite:///{tmp_path / 'nowhere' / 'cases.db'}"):
        with pytest.raises(CaseRegisterUnavailable):
            state(CaseRegister(url), "SA-1")
    with closing(sqlite3.connect(file, isolation_level=None)) as keeper:
        keeper.execute("BEGIN EXCLUSIVE")
        with pytest.raises(CaseRegisterUnavailable):
            state(CaseRegister(f"sqlite:///{file}", seconds_max=1), "SA-1")


def test_a_server_that_is_down_is_no_answer() -> None:
    """A PostgreSQL that does not listen is an error within its time."""
    with pytest.raises(CaseRegisterUnavailable):
        state(CaseRegister("postgresql+psycopg://nobody@127.0.0.1:1/cases", seconds_max=1), "SA-1")


def test_other_databases_are_refused_at_the_start() -> None:
    """A kind of database whose waiting cannot be bounded is not used at all."""
    with pytest.raises(ValueError, match="mysql"):
        CaseRegister("mysql://h/cases")
