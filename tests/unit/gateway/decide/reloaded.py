"""A bundle file that is put anew, and engines that follow it."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

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
from gateway.errors import Unavailable
from gateway.messages import Reason
from gateway.model.policy import PolicyAction, PolicyChange, Refusal
from tests.unit.gateway.decide.test_signed_bundle import KEY

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


def ask(pdp: PolicyDecisionPoint, x: int = 0) -> Evaluation:
    return pdp.evaluate({"x": x}, deadline_seconds=100)


def activated(sequence: int) -> tuple[str, int | None, str | None]:
    return (PolicyAction.ACTIVATED, sequence, None)


def refused(sequence: int | None, reason: Refusal) -> tuple[str, int | None, str | None]:
    return (PolicyAction.REFUSED, sequence, reason)


def until(reached: Callable[[], bool], *, seconds_max: float = 120) -> None:
    deadline = time.monotonic() + seconds_max
    while not reached():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def other_key(path: Path) -> None:
    put(path, policy(2), sequence=2, key=ec.generate_private_key(ec.SECP256R1()))


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
