"""Whether a case is open, as the case register of an office says; somebody else keeps it."""

from __future__ import annotations

from typing import Any, Literal

from sqlalchemy import column, create_engine, make_url, select, table
from sqlalchemy.exc import SQLAlchemyError

_CASES = table("cases", column("case_number"), column("purpose"), column("office"), column("closed_at"))


class CaseRegisterUnavailable(Exception):
    """The register did not answer, so it is not known whether the case is open."""


class CaseRegister:
    """Reads the table `cases(case_number, purpose, office, closed_at)`; a case is open while `closed_at` is null.

    Args:
        url: SQLAlchemy URL of a SQLite or PostgreSQL database.
        seconds_max: How long to wait for the database.

    Raises:
        ValueError: It is another kind of database.
    """

    def __init__(self, url: str, *, seconds_max: int = 2) -> None:
        backend = make_url(url).get_backend_name()
        if backend not in ("sqlite", "postgresql"):
            raise ValueError(f"a case register in {backend} is not supported")
        arguments = _sqlite(seconds_max) if backend == "sqlite" else _postgresql(seconds_max)
        self._engine = create_engine(url, connect_args=arguments)

    def state(self, case: str, *, purpose: str, office: str) -> Literal["open", "closed", "unknown"]:
        """Return where a case of an office stands; `unknown` when the register has none for this purpose and office.

        Raises:
            CaseRegisterUnavailable: The register did not answer in time or is not one.
        """
        wanted = select(_CASES.c.closed_at).where(
            _CASES.c.case_number == case, _CASES.c.purpose == purpose, _CASES.c.office == office
        )
        try:
            with self._engine.connect() as connection:
                closed = connection.execute(wanted).scalars().all()
        except SQLAlchemyError as error:
            raise CaseRegisterUnavailable(type(error).__name__) from error
        if not closed:
            return "unknown"
        return "open" if None in closed else "closed"

    def close(self) -> None:
        """Close the database connections."""
        self._engine.dispose()


def _sqlite(seconds_max: int) -> dict[str, Any]:
    return {"timeout": seconds_max}


def _postgresql(seconds_max: int) -> dict[str, Any]:
    milliseconds = seconds_max * 1_000
    return {
        "connect_timeout": max(2, seconds_max),
        "tcp_user_timeout": milliseconds,
        "options": f"-c statement_timeout={milliseconds} -c default_transaction_read_only=on",
    }
