"""The governance register, on SQLite and on PostgreSQL."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from sqlalchemy import text

from catalog.governance import AgreementRecord, Ending, GovernanceRefused, Revocation, RevocationKind
from catalog.governance.register import GovernanceRegister
from catalog.governance.snapshot import sealed
from catalog.store import RegistryUnavailable, StoreWatch, open_store
from tests.unit.catalog.declarations import DAY, NOW, SIGNERS, STOP, declaration, signed

KEY = bytes(range(32))
RESIDENT, OTHER = "31010119900101123X", "310101199001011248"
PURPOSE, OFFICE = "window-service", "310101002"
AGREEMENT = AgreementRecord(
    id="health-base",
    controller="health",
    recipient="31",
    datasets=("health.health_code", "health.vaccination"),
    purposes=("epidemic-control",),
    valid_from=NOW,
    valid_until=NOW + 365 * DAY,
    signed_by="department-health",
    signed_at=NOW,
)


@pytest.fixture
def open_register(store_url: str) -> Iterator[Callable[..., GovernanceRegister]]:
    opened = []

    def open_(**changes: object) -> GovernanceRegister:
        options = {"signers": SIGNERS, "secret": KEY, "clock_seconds": lambda: NOW + 0.9}
        store = StoreWatch(open_store(store_url))
        opened.append(store)
        register = GovernanceRegister(store, **options | changes)
        store.poll()
        return register

    yield open_
    for store in opened:
        store.close()


@pytest.fixture
def register(open_register: Callable[..., GovernanceRegister]) -> GovernanceRegister:
    return open_register()


def unseen() -> None:
    """A witness that has nothing to say."""


def declare(register: GovernanceRegister, **changes: object) -> None:
    content = declaration(**changes)
    register.declare_emergency(content, signatures=signed(content), by="administrator", witness=unseen)


def consent(register: GovernanceRegister, resident: str = RESIDENT, *, expires_at: int = NOW + DAY) -> str:
    token = register.consent_token(resident, purpose=PURPOSE, office=OFFICE)
    register.record_consent(token, evidence="form 7", expires_at=expires_at, by="clerk", witness=unseen)
    return token


def consented(
    register: GovernanceRegister, *residents: str, purpose: str = PURPOSE, office: str = OFFICE, now: int = NOW
) -> int:
    return register.consented(residents, purpose=purpose, office=office, now=now)


def edit(url: str, statement: str, **values: object) -> None:
    """Change the database behind the register's back."""
    engine = open_store(url)
    with engine.begin() as connection:
        assert connection.execute(text(statement), values).rowcount == 1
    engine.dispose()


def test_an_agreement_stands_until_it_is_revoked(register: GovernanceRegister) -> None:
    """It is found by any of its datasets and by no other; once revoked by none, for good."""
    register.sign_agreement(AGREEMENT, witness=unseen)
    assert register.standing_agreements(["health.vaccination", "population.resident"]) == (AGREEMENT,)
    assert register.standing_agreements(["population.resident"]) == ()
    assert register.standing_agreements([]) == ()
    register.revoke_agreement("health-base", by="department-health", reason="misuse", witness=unseen)
    assert register.standing_agreements(AGREEMENT.datasets) == ()
    revoked = Ending(at=NOW, by="department-health", reason="misuse")
    assert register.agreements == (replace(AGREEMENT, revoked=revoked),)
    with pytest.raises(GovernanceRefused, match="used before"):
        register.sign_agreement(AGREEMENT, witness=unseen)
    with pytest.raises(GovernanceRefused, match="ended before"):
        register.revoke_agreement("health-base", by="x", reason="again", witness=unseen)


def test_agreements_are_sorted_and_independent(register: GovernanceRegister) -> None:
    """Revoking one leaves the others; the order is that of their ids."""
    for id in ("c-3", "a-1", "b-2"):
        register.sign_agreement(replace(AGREEMENT, id=id), witness=unseen)
    register.revoke_agreement("b-2", by="x", reason="x", witness=unseen)
    assert [agreement.id for agreement in register.standing_agreements(AGREEMENT.datasets)] == ["a-1", "c-3"]


def test_what_does_not_exist_cannot_be_ended(register: GovernanceRegister) -> None:
    """A wrong id is an error and changes nothing."""
    register.sign_agreement(AGREEMENT, witness=unseen)
    for end in (register.revoke_agreement, register.end_emergency):
        with pytest.raises(GovernanceRefused, match="does not exist"):
            end("health-base' OR '1'='1", by="x", reason="x", witness=unseen)
    assert register.standing_agreements(AGREEMENT.datasets) == (AGREEMENT,)


def test_a_declared_emergency_stands_until_it_is_ended(register: GovernanceRegister) -> None:
    """It says who signed and who brought it in; once ended it is over for good, its id and signatures included."""
    declare(register)
    (emergency,) = register.standing_emergencies()
    assert (emergency.id, emergency.area, emergency.purposes) == ("outbreak-1", "310101", ("epidemic-control",))
    assert (emergency.starts_at, emergency.ends_at) == (NOW - DAY, NOW + DAY)
    assert (emergency.signers, emergency.declared_by) == (("doctor", "mayor"), "administrator")
    register.end_emergency("outbreak-1", by="administrator", reason="over", witness=unseen)
    assert register.standing_emergencies() == ()
    assert register.emergencies == (replace(emergency, ended=Ending(at=NOW, by="administrator", reason="over")),)
    with pytest.raises(GovernanceRefused, match="used before"):
        declare(register)
    declare(register, id="outbreak-2")
    assert [standing.id for standing in register.standing_emergencies()] == ["outbreak-2"]


def test_a_declared_emergency_cannot_be_prolonged(register: GovernanceRegister) -> None:
    """A second declaration of the same id is refused, even when well signed."""
    declare(register)
    with pytest.raises(GovernanceRefused, match="used before"):
        declare(register, ends_at=NOW + 100 * DAY)
    assert [standing.ends_at for standing in register.standing_emergencies()] == [NOW + DAY]


def test_an_expired_declaration_is_refused(register: GovernanceRegister) -> None:
    """An old declaration cannot be brought in again; one with a second left can."""
    with pytest.raises(GovernanceRefused, match="already over"):
        declare(register, ends_at=NOW)
    declare(register, ends_at=NOW + 1)


def test_an_unsigned_declaration_never_reaches_the_register(register: GovernanceRegister) -> None:
    """Without enough signatures nothing is stored or witnessed; with them it is."""
    content, seen = declaration(), []
    with pytest.raises(GovernanceRefused):
        register.declare_emergency(content, signatures=signed(content, "mayor"), by="x", witness=lambda: seen.append(1))
    assert (register.emergencies, seen) == ((), [])
    declare(register)
    assert len(register.emergencies) == 1


EDITS = {
    "longer": lambda c: c | {"ends_at": NOW + 90 * DAY},
    "wider": lambda c: c | {"area": "31"},
    "for more": lambda c: c | {"purposes": ["epidemic-control", "venue-verification"]},
    "unreadable": lambda _: [],
}


@pytest.mark.parametrize("change", EDITS.values(), ids=EDITS)
def test_an_emergency_edited_in_the_database_is_ignored(
    open_register: Callable[..., GovernanceRegister], store_url: str, change: Callable[[dict[str, object]], object]
) -> None:
    """Who may write the database but not sign cannot stretch an emergency; the edit is listed as a problem."""
    declare(open_register())
    content = json.loads(declaration().canonical())
    edit(store_url, "UPDATE emergencies SET declaration = :content", content=json.dumps(change(content)))
    reopened = open_register()
    assert (reopened.emergencies, [problem.id for problem in reopened.problems]) == ((), ["outbreak-1"])


def test_an_edit_that_is_signed_is_believed(open_register: Callable[..., GovernanceRegister], store_url: str) -> None:
    """Twin: the same edit of the database with signatures that fit is read, so only the signatures kept it out."""
    declare(open_register())
    content = declaration(area="31")
    signatures = json.dumps([signature.model_dump() for signature in signed(content)])
    edit(
        store_url,
        "UPDATE emergencies SET declaration = :content, signatures = :signatures",
        content=content.canonical(),
        signatures=signatures,
    )
    reopened = open_register()
    assert ([emergency.area for emergency in reopened.standing_emergencies()], reopened.problems) == (["31"], ())


def test_a_row_under_another_id_is_ignored(open_register: Callable[..., GovernanceRegister], store_url: str) -> None:
    """An ended emergency cannot be brought back by renaming its row."""
    declare(open_register())
    edit(store_url, "UPDATE emergencies SET id = 'outbreak-9'")
    reopened = open_register()
    assert (reopened.emergencies, [problem.id for problem in reopened.problems]) == ((), ["outbreak-9"])


def test_an_emergency_falls_with_its_signer(open_register: Callable[..., GovernanceRegister]) -> None:
    """When a signer is taken from the file, because the key was lost, what was signed with it no longer counts."""
    declare(open_register())
    fewer = {id: signer for id, signer in SIGNERS.items() if id != "doctor"}
    assert open_register(signers=fewer).standing_emergencies() == ()
    assert len(open_register().standing_emergencies()) == 1


def test_a_revocation_holds_until_it_is_lifted(register: GovernanceRegister) -> None:
    """A requester and a purpose of one name are two things; a lifted revocation may be made again."""
    register.revoke(RevocationKind.REQUESTER, "changfeng", by="administrator", reason="left", witness=unseen)
    assert register.is_revoked(RevocationKind.REQUESTER, "changfeng")
    assert not register.is_revoked(RevocationKind.PURPOSE, "changfeng")
    assert not register.is_revoked(RevocationKind.REQUESTER, "CHANGFENG")
    expected = Revocation(
        kind=RevocationKind.REQUESTER, id="changfeng", reason="left", revoked_by="administrator", revoked_at=NOW
    )
    assert register.revocations == (expected,)
    with pytest.raises(GovernanceRefused, match="used before"):
        register.revoke(RevocationKind.REQUESTER, "changfeng", by="x", reason="x", witness=unseen)
    register.restore(RevocationKind.REQUESTER, "changfeng", witness=unseen)
    assert not register.is_revoked(RevocationKind.REQUESTER, "changfeng")
    with pytest.raises(GovernanceRefused, match="not revoked"):
        register.restore(RevocationKind.REQUESTER, "changfeng", witness=unseen)
    register.revoke(RevocationKind.REQUESTER, "changfeng", by="x", reason="x", witness=unseen)


def test_a_consent_is_for_one_person_purpose_office_and_time(register: GovernanceRegister) -> None:
    """It opens nothing for another person, purpose or office, nor from its last moment on."""
    consent(register)
    assert consented(register, RESIDENT) == 1
    assert consented(register, RESIDENT.lower()) == 1
    assert consented(register, OTHER) == 0
    assert consented(register, RESIDENT, purpose="elderly-care-visits") == 0
    assert consented(register, RESIDENT, office="310107014") == 0
    assert consented(register, RESIDENT, now=NOW + DAY - 1) == 1
    assert consented(register, RESIDENT, now=NOW + DAY) == 0


def test_every_key_counts_once(register: GovernanceRegister) -> None:
    """Naming one person twice does not make up for another who has not consented."""
    consent(register)
    assert consented(register, RESIDENT, RESIDENT, OTHER) == 1
    consent(register, OTHER)
    assert consented(register, RESIDENT, OTHER) == 2
    assert consented(register) == 0


def test_a_consent_can_be_prolonged_and_withdrawn(register: GovernanceRegister) -> None:
    """The newest record counts; after a withdrawal there is nothing left to withdraw."""
    token = consent(register)
    consent(register, expires_at=NOW + 2 * DAY)
    assert consented(register, RESIDENT, now=NOW + DAY) == 1
    register.withdraw_consent(token, witness=unseen)
    assert consented(register, RESIDENT) == 0
    with pytest.raises(GovernanceRefused, match="no such consent"):
        register.withdraw_consent(token, witness=unseen)


def test_no_resident_id_is_stored(
    register: GovernanceRegister, open_register: Callable[..., GovernanceRegister]
) -> None:
    """What stands for a person is a keyed hash: with another key it is another."""
    token = consent(register)
    assert RESIDENT[:-1] not in token
    other = open_register(secret=KEY[::-1])
    assert token != other.consent_token(RESIDENT, purpose=PURPOSE, office=OFFICE)


def test_consents_of_one_person_cannot_be_linked(register: GovernanceRegister) -> None:
    """Another purpose or office gives another token."""
    pairs = (("a", "b"), ("a", "c"), ("c", "b"), ("ab", ""), ("", "ab"))
    tokens = {register.consent_token(RESIDENT, purpose=purpose, office=office) for purpose, office in pairs}
    assert len(tokens) == len(pairs)


def test_consents_that_expired_a_day_ago_are_forgotten(register: GovernanceRegister, store_url: str) -> None:
    """The next recording deletes them; one that expired just now is kept, so that other gateways hear of its withdrawal."""
    consent(register, OTHER, expires_at=NOW - DAY)
    consent(register, "310101199201011241", expires_at=NOW)
    consent(register)
    with open_store(store_url).connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM consents")).scalar() == 2


def test_a_short_key_is_refused(open_register: Callable[..., GovernanceRegister]) -> None:
    """A key that could be guessed would give the residents away."""
    with pytest.raises(ValueError, match="32 bytes"):
        open_register(secret=KEY[:31])


CHANGES: dict[str, Callable[[GovernanceRegister, Callable[[], object]], None]] = {
    "agreement": lambda r, w: r.sign_agreement(AGREEMENT, witness=w),
    "emergency": lambda r, w: r.declare_emergency(declaration(), signatures=signed(declaration()), by="x", witness=w),
    "revocation": lambda r, w: r.revoke(RevocationKind.PURPOSE, "p", by="x", reason="x", witness=w),
    "stop": lambda r, w: r.stop(STOP, witness=w),
    "consent": lambda r, w: r.record_consent(
        r.consent_token(RESIDENT, purpose=PURPOSE, office=OFFICE),
        evidence="e",
        expires_at=NOW + DAY,
        by="x",
        witness=w,
    ),
}


def answers(register: GovernanceRegister) -> tuple[object, ...]:
    return (
        register.standing_agreements(AGREEMENT.datasets),
        register.standing_emergencies(),
        register.revocations,
        register.stops,
        consented(register, RESIDENT),
    )


NOTHING = ((), (), (), (), 0)


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_change_that_cannot_be_witnessed_does_not_happen(
    open_register: Callable[..., GovernanceRegister], change: Callable[..., None]
) -> None:
    """When the log is down nothing changes, in memory or after a restart, and nobody is told; with it, it does."""
    register, told = open_register(), []
    register.on_change(lambda: told.append(answers(register)))

    def broken() -> None:
        assert answers(register) == NOTHING
        raise OSError("the log is down")

    with pytest.raises(OSError, match="log is down"):
        change(register, broken)
    assert (answers(register), answers(open_register()), told) == (NOTHING, NOTHING, [])
    change(register, unseen)
    assert answers(register) != NOTHING
    assert (answers(open_register()), told) == (answers(register), [answers(register)])


def test_a_refused_change_is_not_witnessed(register: GovernanceRegister) -> None:
    """The log does not say that something happened which could not."""
    seen: list[int] = []
    with pytest.raises(GovernanceRefused):
        register.restore(RevocationKind.PURPOSE, "p", witness=lambda: seen.append(1))
    assert seen == []


def test_an_agreement_edited_in_the_database_is_ignored(
    open_register: Callable[..., GovernanceRegister], store_url: str
) -> None:
    """Who may write the database but does not hold the secret cannot widen an agreement; the edit is listed as a problem."""
    open_register().sign_agreement(AGREEMENT, witness=unseen)
    edit(store_url, "UPDATE agreements SET recipient = '310101'")
    reopened = open_register()
    assert (reopened.agreements, [problem.id for problem in reopened.problems]) == ((), ["health-base"])


def test_an_agreement_sealed_with_the_secret_is_believed(
    open_register: Callable[..., GovernanceRegister], store_url: str
) -> None:
    """Twin: the same edit with the seal that belongs to it is read, so only the seal kept it out."""
    open_register().sign_agreement(AGREEMENT, witness=unseen)
    wider = replace(AGREEMENT, recipient="310101")
    seal = sealed(wider, secret=KEY)["seal"]
    edit(store_url, "UPDATE agreements SET recipient = '310101', seal = :seal", seal=seal)
    reopened = open_register()
    assert (reopened.agreements, reopened.problems) == ((wider,), ())


def test_changes_of_another_gateway_arrive_at_the_next_look(open_register: Callable[..., GovernanceRegister]) -> None:
    """Two gateways share a database: what one gives, the other knows, and what one takes back too."""
    one, other = open_register(), open_register()
    for change in CHANGES.values():
        change(other, unseen)
    assert answers(one) == NOTHING
    one._store.poll()
    assert answers(one) == answers(other) != NOTHING
    other.withdraw_consent(other.consent_token(RESIDENT, purpose=PURPOSE, office=OFFICE), witness=unseen)
    assert consented(one, RESIDENT) == 1
    one._store.poll()
    assert consented(one, RESIDENT) == 0


def test_records_that_vanish_close_everything(register: GovernanceRegister, store_url: str) -> None:
    """None is ever deleted, so the database is not what it was; a lifted revocation is still there (twin)."""
    register.revoke(RevocationKind.PURPOSE, "p", by="x", reason="x", witness=unseen)
    register.restore(RevocationKind.PURPOSE, "p", witness=unseen)
    assert register.revocations == ()
    edit(store_url, "DELETE FROM revocations")
    edit(store_url, "UPDATE changes SET number = number + 1 WHERE part = 'governance'")
    register._store.poll()
    with pytest.raises(RegistryUnavailable):
        _ = register.revocations
