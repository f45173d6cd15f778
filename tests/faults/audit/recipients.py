"""Recipients that ask without end and remember what they have got."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from gateway.client import Connection, RequestError, connect
from tests.cities import City

QUESTIONS = (
    ("enterprise-visits", "SELECT credit_code, name FROM legal_entity.enterprise"),
    ("elderly-care-visits", "SELECT count(*) FROM population.resident"),
    ("elderly-care-visits", "SELECT ethnicity FROM population.resident"),
)
"""Passed through, computed, denied."""


@dataclass(slots=True, kw_only=True)
class Seen:
    """What a recipient has of one question."""

    case: str
    """Case number of the question; tells it apart, also in the log."""
    rows: int = 0
    receipt: dict[str, Any] = field(default_factory=dict)
    """Empty unless the whole result came."""
    codes: tuple[str, ...] = ()
    """Why the gateway refused; empty when it did not, or broke off."""


def ask(connection: Connection, *, case: str, question: int = 0) -> Seen:
    """Ask one of `QUESTIONS`; whatever happens to the gateway, return what was seen of its answer."""
    purpose, sql = QUESTIONS[question]
    seen = Seen(case=case)
    try:
        result = connection.query(sql, purpose=purpose, case=case)
        for batch in result.batches():
            seen.rows += batch.num_rows
        seen.receipt = result.receipt
    except RequestError as error:
        seen.codes = tuple(reason.code for reason in error.reasons)
    return seen


@contextmanager
def asking(city: City, *, prefix: str, recipients: int) -> Iterator[list[Seen]]:
    """Let recipients ask at the same time, each until an answer breaks off; all they saw is there at the end."""
    everything: list[Seen] = []

    def work(recipient: int) -> None:
        connection = connect(city.profile("nanjing-east-road"))
        try:
            for number in itertools.count(recipient):
                seen = ask(connection, case=f"{prefix}_{recipient}_{number}", question=number % len(QUESTIONS))
                everything.append(seen)
                if not seen.receipt and not seen.codes:
                    return
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(recipients)]
    for thread in threads:
        thread.start()
    try:
        yield everything
    finally:
        for thread in threads:
            thread.join(120)


def entries_of(case: str, entries: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return what the log has about one question, oldest first."""
    return [entry for entry in entries if entry["body"].get("case") == case]
