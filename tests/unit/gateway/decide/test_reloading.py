"""Policies change while queries run, and only to what the gateway has verified."""

from __future__ import annotations

import gc
import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from gateway.decide import (
    BundleSource,
    EmbeddedPdp,
    Evaluation,
    PolicyArchive,
    PolicyBundle,
    PolicyDecisionPoint,
    ReloadingPdp,
    SignedBundle,
    encode_bundle,
)
from gateway.decide.opa_server import OpaServerPdp
from gateway.errors import Unavailable
from gateway.messages import Reason
from gateway.model.policy import PolicyAction, PolicyChange, Refusal
from tests.opa_binary import running_opa
from tests.unit.gateway.decide.test_signed_bundle import KEY, write_key

CATALOG = {"revision": "catalogue-1"}
Start = Callable[[PolicyBundle], PolicyDecisionPoint]


def policy(number: int, *, catalog: dict[str, Any] = CATALOG) -> PolicyBundle:
    """Return a policy that answers with its number, in rule and data, beside what it was asked."""
    source = f'package sharing.access\n\ndecision := {{"rule": {number}, "data": data.messages.number, "x": input.x}}\n'
    return PolicyBundle(
        modules={"sharing/access/access.rego": source}, data={"catalog": catalog, "messages": {"number": number}}
    )


def put(path: Path, bundle: PolicyBundle, *, sequence: int, key: ec.EllipticCurvePrivateKey = KEY) -> str:
    """Put a bundle in its place in one step, and return its revision."""
    new = path.with_suffix(".new")
    new.write_bytes(encode_bundle(SignedBundle(bundle=bundle, sequence=sequence, built_at=""), key=key))
    os.replace(new, path)
    return bundle.revision


class Bundles:
    """A bundle file and what was recorded about it."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "bundle.tar.gz"
        self.archive = folder / "archive"
        self.changes: list[PolicyChange] = []
        self.log_is_down = False

    def record(self, change: PolicyChange) -> None:
        if self.log_is_down:
            raise Unavailable(Reason.AUDIT_UNAVAILABLE)
        self.changes.append(change)

    @property
    def said(self) -> list[tuple[str, int | None, str | None]]:
        return [(c.action, c.sequence, c.reason) for c in self.changes]

    @contextmanager
    def pdp(self, *, start: Start = EmbeddedPdp, highest: PolicyChange | None = None) -> Iterator[ReloadingPdp]:
        source = BundleSource(path=self.path, key=KEY.public_key(), catalog=CATALOG)
        archive = PolicyArchive(self.archive)
        pdp = ReloadingPdp(source, start=start, highest=highest, keep=archive.keep, record=self.record)
        try:
            yield pdp
        finally:
            pdp.close()


@pytest.fixture
def bundles(tmp_path: Path) -> Bundles:
    return Bundles(tmp_path)


def ask(pdp: PolicyDecisionPoint, x: int = 0) -> Evaluation:
    return pdp.evaluate({"x": x}, deadline_seconds=100)


def activated(sequence: int) -> tuple[str, int | None, str | None]:
    return (PolicyAction.ACTIVATED, sequence, None)


def refused(sequence: int | None, reason: Refusal) -> tuple[str, int | None, str | None]:
    return (PolicyAction.REFUSED, sequence, reason)


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


def until(reached: Callable[[], bool], *, seconds_max: float = 120) -> None:
    deadline = time.monotonic() + seconds_max
    while not reached():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def other_key(path: Path) -> None:
    put(path, policy(2), sequence=2, key=ec.generate_private_key(ec.SECP256R1()))


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


# Changing under load

EVALUATIONS, RELOADS = 200, 20


def change_under_load(pdp: ReloadingPdp, bundles: Bundles, *, settle: Callable[[str], None]) -> None:
    """Ask again and again while the policy changes to and fro; every answer must be right and labelled right."""
    revisions = {policy(number).revision: number for number in (1, 2)}
    done = threading.Event()

    def asked(number: int) -> list[tuple[int, Evaluation]]:
        seen = [(number, ask(pdp, number))]
        while not done.is_set():
            seen.append((number, ask(pdp, number)))
        return seen

    with ThreadPoolExecutor(EVALUATIONS) as callers:
        asking = [callers.submit(asked, number) for number in range(EVALUATIONS)]
        try:
            for turn in range(RELOADS):
                settle(put(bundles.path, policy(2 - turn % 2), sequence=turn + 2))
        finally:
            done.set()
        seen = [pair for future in asking for pair in future.result(200)]
    for x, evaluation in seen:
        number = revisions[evaluation.revision]
        assert evaluation.answer == {"rule": number, "data": number, "x": x}
    assert {evaluation.revision for _, evaluation in seen} == set(revisions)
    assert bundles.said == [activated(sequence) for sequence in range(1, RELOADS + 2)]


def test_no_evaluation_fails_while_the_embedded_policy_changes(bundles: Bundles) -> None:
    """Two hundred callers ask without pause through twenty changes: none fails, each answer is of the policy it names."""
    put(bundles.path, policy(1), sequence=1)
    with bundles.pdp() as pdp:

        def settle(revision: str) -> None:
            until(lambda: pdp.reload() or pdp.revision == revision)

        change_under_load(pdp, bundles, settle=settle)


class BundleServer(BaseHTTPRequestHandler):
    """Serves one file to OPA, which waits for the next version (https://www.openpolicyagent.org/docs/management-bundles)."""

    protocol_version = "HTTP/1.1"
    path_served: Path
    stopped: threading.Event

    def do_GET(self) -> None:
        while (content := self.path_served.read_bytes()) and self.headers["If-None-Match"] == str(hash(content)):
            if self.stopped.wait(0.02):
                self.close_connection = True
                return
        self.send_response(200)
        self.send_header("Content-Type", "application/vnd.openpolicyagent.bundles")
        self.send_header("ETag", str(hash(content)))
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def opa_with_bundle_service(path: Path) -> Iterator[str]:
    """Run OPA as in production: it fetches the signed bundle itself and verifies every version; yields its URL."""
    handler = type("Handler", (BundleServer,), {"path_served": path, "stopped": threading.Event()})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    settings = {
        "services.gateway.url": f"http://127.0.0.1:{server.server_address[1]}",
        "bundles.sharing.service": "gateway",
        "bundles.sharing.resource": "bundle.tar.gz",
        "bundles.sharing.polling.long_polling_timeout_seconds": "10",
        "bundles.sharing.signing.keyid": "policy",
        "keys.policy.algorithm": "ES256",
    }
    arguments = [part for name, value in settings.items() for part in ("--set", f"{name}={value}")]
    arguments += ["--set-file", f"keys.policy.key={write_key(path.parent)}"]
    try:
        with running_opa(*arguments) as url:
            yield url
    finally:
        handler.stopped.set()  # type: ignore[attr-defined]
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def opa_pdp(bundles: Bundles, *, served: Path | None = None) -> Iterator[ReloadingPdp]:
    with opa_with_bundle_service(served or bundles.path) as url:

        def start(bundle: PolicyBundle) -> PolicyDecisionPoint:
            return OpaServerPdp(url, bundle)

        deadline = time.monotonic() + 120
        while True:
            try:
                with bundles.pdp(start=start) as pdp:
                    bundles.changes[:-1] = []
                    yield pdp
                return
            except Unavailable:  # OPA has not fetched its bundle yet
                assert time.monotonic() < deadline
                time.sleep(0.1)


@pytest.mark.opa
def test_no_evaluation_fails_while_the_policy_of_an_opa_server_changes(bundles: Bundles) -> None:
    """OPA fetches each signed bundle by itself; callers ask through all changes, and every answer is labelled right."""
    put(bundles.path, policy(1), sequence=1)
    with opa_pdp(bundles) as pdp:
        change_under_load(pdp, bundles, settle=lambda revision: until(lambda: pdp.revision == revision))


@pytest.mark.opa
def test_an_opa_server_keeps_the_old_policy_when_the_new_one_is_not_signed(bundles: Bundles) -> None:
    """OPA and the gateway refuse the same file: queries go on under the old policy."""
    first = put(bundles.path, policy(1), sequence=1)
    with opa_pdp(bundles) as pdp:
        other_key(bundles.path)
        until(lambda: len(bundles.changes) == 2)
        for _ in range(20):
            assert ask(pdp).revision == first
            time.sleep(0.05)
    assert bundles.said == [activated(1), refused(None, Refusal.SIGNATURE)]


@pytest.mark.opa
def test_an_answer_of_a_revision_that_was_not_verified_is_refused(bundles: Bundles, tmp_path: Path) -> None:
    """When OPA goes over to policies that this gateway has not verified, nothing is decided any more."""
    served = tmp_path / "served.tar.gz"
    put(bundles.path, policy(1), sequence=1)
    put(served, policy(1), sequence=1)

    def denied(*because: Reason) -> bool:
        try:
            return not pdp.evaluate({"x": 0}, deadline_seconds=1).answer
        except Unavailable as error:
            return error.reason in because

    with opa_pdp(bundles, served=served) as pdp:
        assert not denied()
        put(served, policy(2), sequence=2)
        until(lambda: denied(Reason.POLICY_UNAVAILABLE))
        assert all(denied(Reason.POLICY_UNAVAILABLE, Reason.POLICY_SLOW) for _ in range(3))
        put(bundles.path, policy(2), sequence=2)
        assert ask(pdp).answer["rule"] == 2  # type: ignore[index]
