"""What was decided can be decided again, by the policy of then or of now, and an altered record shows."""

from __future__ import annotations

import copy
import json
import os
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from catalog.catalogue import Catalogue
from gateway.decide import EmbeddedPdp, PolicyArchive, PolicyBundle
from gateway.decide.answer import answer_sha256
from gateway.decide.archive import NotArchivedReason
from gateway.decide.input_schema import load_input_schema
from gateway.decide.opa_server import OpaServerPdp
from gateway.decide.review import INPUT_OF_OTHER_FORM, Reviewed, ReviewOutcome, review
from gateway.model.audit import AuditEntry, EntryKind
from tests.policies.recorded_decisions import entry_of, recorded_decisions

COUNT = 1_000 if os.environ.get("SOAK") else 250
SCHEMA = load_input_schema()


@pytest.fixture(scope="module")
def archive(bundle: PolicyBundle, tmp_path_factory: pytest.TempPathFactory) -> PolicyArchive:
    archive = PolicyArchive(tmp_path_factory.mktemp("archive"))
    archive.keep(bundle)
    return archive


@pytest.fixture(scope="module")
def recorded(catalogue: Catalogue, embedded: EmbeddedPdp) -> list[AuditEntry]:
    """Decisions of the embedded engine."""
    return recorded_decisions(catalogue, pdps=[embedded], seed=41, count=200)


@pytest.fixture(scope="module")
def intent(recorded: list[AuditEntry]) -> AuditEntry:
    return next(
        entry for entry in recorded if entry.kind == EntryKind.INTENT and "phone" in str(entry.body["datasets"])
    )


def reviewed(archive: PolicyArchive, *entries: AuditEntry, by_revision: str | None = None) -> list[Reviewed]:
    return list(review(entries, archive=archive, schema=SCHEMA, by_revision=by_revision))


def altered(bundle: PolicyBundle, change: Callable[[dict[str, Any]], object]) -> PolicyBundle:
    """Return the same policies over changed data of the catalogue."""
    data = copy.deepcopy(dict(bundle.data))
    change(data["catalog"])
    return PolicyBundle(modules=bundle.modules, data=data)


def without_purposes(catalog: dict[str, Any]) -> None:
    catalog["purposes"] = {}


@pytest.mark.opa
def test_recorded_decisions_are_decided_the_same_again(
    catalogue: Catalogue, embedded: EmbeddedPdp, opa: OpaServerPdp, archive: PolicyArchive
) -> None:
    """Whichever engine decided, the archived policy gives each recorded answer again, byte for byte."""
    entries = recorded_decisions(catalogue, pdps=[embedded, opa], seed=20260101, count=COUNT)
    assert len(entries) == COUNT
    assert min(Counter(entry.kind for entry in entries).values()) > COUNT // 5
    assert len({entry.body["answer_sha256"] for entry in entries}) > COUNT // 5
    found = reviewed(archive, *entries)
    assert [item.entry for item in found] == entries
    assert {(item.outcome, item.differences) for item in found} == {(ReviewOutcome.IDENTICAL, ())}


def test_the_catalogue_of_then_decides_and_not_todays(
    recorded: list[AuditEntry], archive: PolicyArchive, bundle: PolicyBundle
) -> None:
    """After purposes are gone from the catalogue, old entries are still decided as then; by today's they would be denied."""
    today = altered(bundle, without_purposes)
    archive.keep(today)
    allowed = [entry for entry in recorded if entry.kind == EntryKind.INTENT]
    assert allowed
    assert {item.outcome for item in reviewed(archive, *allowed)} == {ReviewOutcome.IDENTICAL}
    drifted = reviewed(archive, *allowed, by_revision=today.revision)
    assert {(item.outcome, item.policy_revision) for item in drifted} == {(ReviewOutcome.NOW_DENIED, today.revision)}
    assert all(item.differences[0].endswith("✓ → PURPOSE_UNKNOWN") for item in drifted)


def test_a_policy_that_allows_more_shows_what_it_would_open(
    recorded: list[AuditEntry], archive: PolicyArchive, bundle: PolicyBundle
) -> None:
    """Denied then and allowed now is told apart from everything else."""
    opened = {"allow": True, "denials": []}
    everything = PolicyBundle(
        modules={"sharing/access/access.rego": f"package sharing.access\n\ndecision := {json.dumps(opened)}\n"},
        data=bundle.data,
    )
    archive.keep(everything)
    denied = [entry for entry in recorded if entry.kind == EntryKind.DENIAL]
    found = reviewed(archive, *denied, by_revision=everything.revision)
    assert {item.outcome for item in found} == {ReviewOutcome.NOW_ALLOWED}


def changed_input(body: dict[str, Any]) -> None:
    body["policy_input"]["purpose"] = "elderly-care-visitz"


def changed_treatment(body: dict[str, Any]) -> None:
    body["datasets"][0]["columns"][0]["action"] = "deny"


def changed_row_filter(body: dict[str, Any]) -> None:
    body["datasets"][0]["row_filter"] = None


def changed_obligation(body: dict[str, Any]) -> None:
    body["obligations"]["retention_days"] += 1


def changed_digest(body: dict[str, Any]) -> None:
    body["answer_sha256"] = "0" * 64


def no_digest(body: dict[str, Any]) -> None:
    del body["answer_sha256"]


@pytest.mark.parametrize(
    ("change", "outcome"),
    [
        (changed_input, ReviewOutcome.NOW_DENIED),
        (changed_treatment, ReviewOutcome.DIFFERENT),
        (changed_row_filter, ReviewOutcome.DIFFERENT),
        (changed_obligation, ReviewOutcome.DIFFERENT),
        (changed_digest, ReviewOutcome.DIFFERENT),
        (no_digest, ReviewOutcome.DIFFERENT),
    ],
)
def test_a_changed_entry_is_caught(
    intent: AuditEntry, archive: PolicyArchive, change: Callable[[dict[str, Any]], None], outcome: ReviewOutcome
) -> None:
    """An entry that does not follow from its policy and input is not called identical, and it is said what differs."""
    body = copy.deepcopy(dict(intent.body))
    assert reviewed(archive, entry_of(body, kind=intent.kind, sequence=1))[0].outcome is ReviewOutcome.IDENTICAL
    change(body)
    (item,) = reviewed(archive, entry_of(body, kind=intent.kind, sequence=1))
    assert item.outcome is outcome
    assert item.differences


def test_a_denial_in_the_place_of_an_access_is_caught(intent: AuditEntry, archive: PolicyArchive) -> None:
    """Who turns an access into a denial is found, with the policy that allowed it."""
    body = {**intent.body, "denials": [{"code": "ROLE_NOT_ENTITLED"}]}
    (item,) = reviewed(archive, entry_of(body, kind=EntryKind.DENIAL, sequence=1))
    assert item.outcome is ReviewOutcome.NOW_ALLOWED


def test_a_changed_archive_answers_nothing(intent: AuditEntry, bundle: PolicyBundle, tmp_path: Path) -> None:
    """A policy put in the place of another is not asked, though it would call a forged denial right."""
    archive, forged = PolicyArchive(tmp_path), altered(bundle, without_purposes)
    archive.keep(bundle)
    archive.keep(forged)
    with closing(EmbeddedPdp(forged)) as pdp:
        answer = pdp.evaluate(intent.body["policy_input"], deadline_seconds=100).answer
    body = {**intent.body, "denials": answer["denials"], "answer_sha256": answer_sha256(answer)}  # type: ignore[index]
    (believed,) = reviewed(
        archive, entry_of(body | {"policy_revision": forged.revision}, kind=EntryKind.DENIAL, sequence=1)
    )
    assert believed.outcome is ReviewOutcome.IDENTICAL
    (tmp_path / f"{forged.revision}.json").replace(tmp_path / f"{bundle.revision}.json")
    (item,) = reviewed(archive, entry_of(body, kind=EntryKind.DENIAL, sequence=1))
    assert (item.outcome, item.differences) == (ReviewOutcome.NO_ANSWER, (NotArchivedReason.ARCHIVE_ALTERED,))


def test_entries_of_several_revisions_go_through_one_review(
    recorded: list[AuditEntry], archive: PolicyArchive, bundle: PolicyBundle
) -> None:
    """Each by its own policy, in the order of the log; a revision that is missing leaves only its own without an answer."""
    broken = PolicyBundle(modules={"a.rego": "package sharing.access\n\nx := {"}, data=bundle.data)
    archive.keep(broken)
    revisions = [bundle.revision, "f" * 64, bundle.revision, broken.revision]
    entries = [
        entry_of({**recorded[0].body, "policy_revision": revision}, kind=recorded[0].kind, sequence=number)
        for number, revision in enumerate(revisions, 1)
    ]
    found = reviewed(archive, *entries)
    assert [item.policy_revision for item in found] == revisions
    assert [(item.outcome, item.differences) for item in found] == [
        (ReviewOutcome.IDENTICAL, ()),
        (ReviewOutcome.NO_ANSWER, ("NOT_ARCHIVED",)),
        (ReviewOutcome.IDENTICAL, ()),
        (ReviewOutcome.NO_ANSWER, ("POLICY_UNAVAILABLE",)),
    ]


@pytest.mark.parametrize("asked", [None, {}, {"requester": {"office": "31"}}])
def test_an_input_of_another_form_has_no_answer(
    intent: AuditEntry, archive: PolicyArchive, bundle: PolicyBundle, asked: Any
) -> None:
    """Neither the policy of then nor today's is said to deny what it cannot read."""
    entry = entry_of({**intent.body, "policy_input": asked}, kind=intent.kind, sequence=1)
    for by_revision in (None, bundle.revision):
        (item,) = reviewed(archive, entry, by_revision=by_revision)
        assert (item.outcome, item.differences) == (ReviewOutcome.NO_ANSWER, (INPUT_OF_OTHER_FORM,))
