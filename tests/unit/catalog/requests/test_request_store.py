"""Needs and corrections in the database, on SQLite and on PostgreSQL."""

from __future__ import annotations

from dataclasses import replace

import pytest

from catalog.governance import GovernanceRefused
from catalog.requests import CorrectionState, NeedState, RequestStore
from catalog.requests import store as store_module
from catalog.store import RegistryUnavailable, StoreWatch
from tests.unit.catalog.requests.filed import CORRECTION, NEED

ACCEPTED = replace(NEED, state=NeedState.ACCEPTED, answered_at=NEED.filed_at + 5, answered_by="s", agreement="a-1")
CORRECTED = replace(CORRECTION, state=CorrectionState.CORRECTED, answered_at=CORRECTION.filed_at + 5, answered_by="s")


class LogStopped(Exception):
    """What a witness raises that cannot record."""


def unseen() -> None:
    """A witness that has nothing to say."""


def stopped() -> None:
    raise LogStopped


@pytest.fixture
def requests(store: StoreWatch) -> RequestStore:
    store.poll()
    return RequestStore(store)


def test_what_is_filed_and_answered_comes_back_as_it_was(requests: RequestStore):
    """Every field survives the database, and the newest need comes first."""
    requests.file(NEED, witness=unseen)
    requests.file(newer := replace(NEED, id="need-2", filed_at=NEED.filed_at + 1, columns=()), witness=unseen)
    requests.file(CORRECTION, witness=unseen)
    assert requests.needs() == (newer, NEED)
    requests.answer(ACCEPTED, witness=unseen)
    requests.answer(CORRECTED, witness=unseen)
    assert requests.needs() == (newer, ACCEPTED)
    assert requests.corrections() == (CORRECTED,)


def test_an_answer_stands(requests: RequestStore):
    """Whoever answers second is told so, and changes nothing."""
    requests.file(NEED, witness=unseen)
    requests.answer(ACCEPTED, witness=unseen)
    with pytest.raises(GovernanceRefused, match="answered before"):
        requests.answer(replace(ACCEPTED, state=NeedState.REFUSED), witness=unseen)
    assert requests.needs() == (ACCEPTED,)


def test_what_cannot_be_recorded_does_not_happen(requests: RequestStore):
    """Nothing is filed, answered or escalated while the log is stopped."""
    with pytest.raises(LogStopped):
        requests.file(NEED, witness=stopped)
    assert requests.needs() == ()
    requests.file(NEED, witness=unseen)
    with pytest.raises(LogStopped):
        requests.answer(ACCEPTED, witness=stopped)
    with pytest.raises(LogStopped):
        requests.escalate(replace(NEED, escalated_at=1), witness=stopped)
    assert requests.needs() == (NEED,)


def test_an_overdue_answer_is_escalated_once(requests: RequestStore):
    """Of several gateways on one database only one records it, and none after the answer."""
    seen: list[str] = []
    overdue = replace(NEED, escalated_at=NEED.filed_at + 9)
    requests.file(NEED, witness=unseen)
    requests.file(CORRECTION, witness=unseen)
    assert [requests.escalate(overdue, witness=lambda: seen.append("once")) for _ in range(2)] == [True, False]
    assert (seen, requests.needs()) == (["once"], (overdue,))
    requests.answer(CORRECTED, witness=unseen)
    assert not requests.escalate(replace(CORRECTION, escalated_at=1), witness=stopped)


def test_an_office_has_only_so_many_open(requests: RequestStore, monkeypatch: pytest.MonkeyPatch):
    """One more is refused until something is answered; needs, corrections and other offices are counted apart."""
    assert store_module.OPEN_MAX == 200
    monkeypatch.setattr(store_module, "OPEN_MAX", 2)
    for number in range(2):
        requests.file(replace(NEED, id=f"need-{number}"), witness=unseen)
        requests.file(replace(CORRECTION, id=f"correction-{number}"), witness=unseen)
    for one_more in (replace(NEED, id="more"), replace(CORRECTION, id="more")):
        with pytest.raises(GovernanceRefused, match="2 of your office wait"):
            requests.file(one_more, witness=stopped)
    requests.file(replace(NEED, id="other", office="310107014"), witness=unseen)
    requests.answer(replace(ACCEPTED, id="need-0"), witness=unseen)
    requests.file(replace(NEED, id="more"), witness=unseen)


def test_nothing_is_filed_in_a_database_that_is_not_there(store: StoreWatch):
    """Before the watch has seen the database, and while it is lost, every call is refused."""
    with pytest.raises(RegistryUnavailable):
        RequestStore(store).file(NEED, witness=unseen)
    with pytest.raises(RegistryUnavailable):
        RequestStore(store).needs()
