"""Policies change while queries run, and only to what the gateway has verified."""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.decide import (
    Evaluation,
    PolicyArchive,
    PolicyBundle,
    SignedBundle,
    encode_bundle,
)
from gateway.errors import Unavailable
from gateway.messages import Reason
from gateway.model.policy import PolicyAction, PolicyChange, Refusal
from tests.unit.gateway.decide.reloaded import (
    CATALOG,
    Bundles,
    activated,
    ask,
    change_under_load,
    other_key,
    policy,
    put,
    refused,
    until,
)
from tests.unit.gateway.decide.test_signed_bundle import KEY


@pytest.fixture
def bundles(tmp_path: Path) -> Bundles:
    return Bundles(tmp_path)


def test_a_new_bundle_takes_the_place_of_the_old_one(bundles: Bundles) -> None:
    """The next evaluation is by the new policy and says so; both activations are recorded with revision and digest."""
    first = put(bundles.path, policy(1), sequence=1)
    with bundles.pdp() as pdp:
        assert ask(pdp) == Evaluation(answer={"rule": 1, "data": 1, "x": 0}, revision=first)
        second = put(bundles.path, policy(2), sequence=2)
        assert pdp.reload() or pdp.revision == second
        assert ask(pdp) == Evaluation(answer={"rule": 2, "data": 2, "x": 0}, revision=second)
    assert bundles.said == [activated(1), activated(2)]
    assert [change.revision for change in bundles.changes] == [first, second]
    assert all(change.sha256 and len(change.sha256) == 64 for change in bundles.changes)


def test_the_file_is_watched(bundles: Bundles) -> None:
    """Nobody has to say that the file has changed."""
    put(bundles.path, policy(1), sequence=1)
    with bundles.pdp() as pdp:
        second = put(bundles.path, policy(2), sequence=2)
        until(lambda: pdp.revision == second)


def changed_byte(path: Path) -> None:
    content = bytearray(encode_bundle(SignedBundle(bundle=policy(2), sequence=2, built_at=""), key=KEY))
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


REFUSED: dict[str, tuple[Callable[[Path], object], set[tuple[int | None, Refusal]]]] = {
    "other key": (other_key, {(None, Refusal.SIGNATURE)}),
    "changed byte": (changed_byte, {(None, Refusal.SIGNATURE), (None, Refusal.UNREADABLE)}),
    "gone": (lambda path: path.unlink(), {(None, Refusal.UNREADABLE)}),
    "half written": (lambda path: path.write_bytes(path.read_bytes()[:200]), {(None, Refusal.UNREADABLE)}),
    "older": (lambda path: put(path, policy(2), sequence=4), {(4, Refusal.OLDER)}),
    "same sequence": (lambda path: put(path, policy(2), sequence=5), {(5, Refusal.OLDER)}),
    "other catalogue": (
        lambda path: put(path, policy(2, catalog={"revision": "catalogue-2"}), sequence=6),
        {(6, Refusal.OTHER_CATALOGUE)},
    ),
    "same catalogue revision, other content": (
        lambda path: put(path, policy(2, catalog={**CATALOG, "purposes": {}}), sequence=6),
        {(6, Refusal.OTHER_CATALOGUE)},
    ),
    "does not compile": (
        lambda path: put(
            path, PolicyBundle(modules={"a.rego": "package sharing.access\n\nx := {"}, data=policy(1).data), sequence=6
        ),
        {(6, Refusal.ENGINE)},
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_bad_bundle_is_refused_and_the_old_one_stays(bundles: Bundles, case: str) -> None:
    """What is damaged, unsigned, older, of another catalogue or broken decides nothing; one entry says why."""
    spoil, expected = REFUSED[case]
    first = put(bundles.path, policy(1), sequence=5)
    with bundles.pdp() as pdp:
        spoil(bundles.path)
        assert [pdp.reload() for _ in range(3)] == [False] * 3
        assert ask(pdp) == Evaluation(answer={"rule": 1, "data": 1, "x": 0}, revision=first)
        assert bundles.said[0] == activated(5)
        (change,) = bundles.changes[1:]
        assert (change.sequence, change.reason) in expected
        newer = put(bundles.path, policy(3), sequence=7)
        assert pdp.reload() or pdp.revision == newer
        assert ask(pdp).revision == newer
    assert bundles.said[-1] == activated(7)


@pytest.mark.parametrize("case", ["other key", "changed byte", "gone", "other catalogue", "does not compile"])
def test_a_gateway_does_not_start_with_a_bad_bundle(bundles: Bundles, case: str) -> None:
    """There is no old one to stay: nothing decides, and the refusal is recorded."""
    spoil, expected = REFUSED[case]
    put(bundles.path, policy(1), sequence=1)
    spoil(bundles.path)
    with pytest.raises(Unavailable) as caught, bundles.pdp():
        pass
    assert caught.value.reason is Reason.POLICY_UNAVAILABLE
    (change,) = bundles.changes
    assert (change.sequence, change.reason) in expected


def test_after_a_restart_an_older_bundle_is_still_refused(bundles: Bundles) -> None:
    """The highest sequence comes from the log; the same policies may come again, also built anew."""
    same = put(bundles.path, policy(1), sequence=5)
    highest = PolicyChange(action=PolicyAction.ACTIVATED, revision=same, sequence=5, sha256=None)
    with bundles.pdp(highest=highest) as pdp:
        assert pdp.revision == same
    put(bundles.path, policy(2), sequence=4)
    with pytest.raises(Unavailable), bundles.pdp(highest=highest):
        pass
    assert bundles.said == [activated(5), refused(4, Refusal.OLDER)]


def test_going_back_needs_a_higher_sequence(bundles: Bundles) -> None:
    """Old policies return only as a new bundle, which somebody signed for that."""
    first = put(bundles.path, policy(1), sequence=1)
    with bundles.pdp() as pdp:
        put(bundles.path, policy(2), sequence=2)
        assert pdp.reload() or ask(pdp).answer["rule"] == 2  # type: ignore[index]
        put(bundles.path, policy(1), sequence=1)
        pdp.reload()
        assert pdp.revision != first
        put(bundles.path, policy(1), sequence=3)
        assert pdp.reload() or pdp.revision == first
    assert bundles.said == [activated(1), activated(2), refused(1, Refusal.OLDER), activated(3)]


def test_nothing_is_activated_that_cannot_be_recorded(bundles: Bundles) -> None:
    """While the log is down the old policy stays; when it is back the change is made."""
    first = put(bundles.path, policy(1), sequence=1)
    with bundles.pdp() as pdp:
        bundles.log_is_down = True
        second = put(bundles.path, policy(2), sequence=2)
        with pytest.raises(Unavailable):
            pdp.reload()
        assert ask(pdp).revision == first
        bundles.log_is_down = False
        until(lambda: pdp.revision == second)
    assert bundles.said == [activated(1), activated(2)]


def test_nothing_is_activated_that_cannot_be_archived(bundles: Bundles) -> None:
    """While the archive cannot be written the old policy stays; later the change is made, and both can be had again."""
    first = put(bundles.path, policy(1), sequence=1)
    with bundles.pdp() as pdp:
        away = bundles.archive.rename(bundles.archive.with_name("away"))
        bundles.archive.write_bytes(b"")
        second = put(bundles.path, policy(2), sequence=2)
        with pytest.raises(Unavailable) as caught:
            pdp.reload()
        assert caught.value.reason is Reason.POLICY_UNAVAILABLE
        assert ask(pdp).revision == first
        bundles.archive.unlink()
        away.rename(bundles.archive)
        until(lambda: pdp.revision == second)
    assert bundles.said == [activated(1), activated(2)]
    assert [PolicyArchive(bundles.archive).load(revision) for revision in (first, second)] == [policy(1), policy(2)]


def test_engines_that_were_replaced_go_away(bundles: Bundles) -> None:
    """After many changes there are the threads of one engine, not of all."""
    put(bundles.path, policy(0), sequence=1)
    with bundles.pdp() as pdp:
        ask(pdp)
        before = threading.active_count()
        for number in range(1, 9):
            revision = put(bundles.path, policy(number), sequence=number + 1)
            assert pdp.reload() or pdp.revision == revision
            ask(pdp, number)
        gc.collect()
        until(lambda: threading.active_count() <= before + 2)


def test_no_evaluation_fails_while_the_embedded_policy_changes(bundles: Bundles) -> None:
    """Two hundred callers ask without pause through twenty changes: none fails, each answer is of the policy it names."""
    put(bundles.path, policy(1), sequence=1)
    with bundles.pdp() as pdp:

        def settle(revision: str) -> None:
            until(lambda: pdp.reload() or pdp.revision == revision)

        change_under_load(pdp, bundles, settle=settle)
