"""Change the policy while queries run."""

from __future__ import annotations

import contextlib
import hashlib
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey

from gateway.decide.bundle import PolicyBundle
from gateway.decide.pdp import EngineNotReady, Evaluation, PolicyDecisionPoint
from gateway.decide.rule_texts import RuleText
from gateway.decide.signed_bundle import FILE_BYTES_MAX, BundleRefused, SignedBundle, decode_bundle
from gateway.errors import Unavailable
from gateway.messages import Reason
from gateway.model.policy import PolicyAction, PolicyChange, Refusal

POLL_SECONDS = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleSource:
    """Where bundles come from and which of them may decide."""

    path: Path
    key: EllipticCurvePublicKey
    catalog: Mapping[str, Any]
    """The export of the catalogue that this gateway serves."""

    def read(self) -> bytes:
        """Return the file. Raises BundleRefused."""
        try:
            with self.path.open("rb") as file:
                return file.read(FILE_BYTES_MAX + 1)
        except OSError as error:
            raise BundleRefused(Refusal.UNREADABLE, f"the file cannot be read: {error.strerror}") from error

    def admit(self, content: bytes, *, highest: PolicyChange | None) -> SignedBundle:
        """Return the bundle in a file, if it may replace the one with the highest sequence so far.

        Raises:
            BundleRefused: It is damaged, not signed by the key, of another catalogue, or older.
        """
        signed = decode_bundle(content, key=self.key)
        revision, sequence = signed.bundle.revision, signed.sequence
        if signed.bundle.data.get("catalog") != self.catalog:
            detail = f"this gateway serves catalogue {self.catalog['revision']}"
            raise BundleRefused(Refusal.OTHER_CATALOGUE, detail, revision=revision, sequence=sequence)
        if highest and highest.sequence and sequence <= highest.sequence and revision != highest.revision:
            detail = f"revision {highest.revision} had sequence {highest.sequence}"
            raise BundleRefused(Refusal.OLDER, detail, revision=revision, sequence=sequence)
        return signed


class ReloadingPdp:
    """Decides by the newest bundle of a file; a bundle that is refused changes nothing.

    A new engine is made beside the old one and takes its place in one step. Running evaluations keep the old engine, which
    goes with the last of them.

    Args:
        source: Where bundles come from.
        start: Makes an engine that answers by a bundle; raises Unavailable when it does not take the bundle.
        highest: The activated bundle with the highest sequence, from the log.
        keep: Archives a bundle durably; raises Unavailable.
        record: Makes a change durable; raises Unavailable.
    """

    def __init__(
        self,
        source: BundleSource,
        *,
        start: Callable[[PolicyBundle], PolicyDecisionPoint],
        highest: PolicyChange | None,
        keep: Callable[[PolicyBundle], object],
        record: Callable[[PolicyChange], object],
    ) -> None:
        """Activate the bundle and watch the file.

        Raises:
            Unavailable: `POLICY_UNAVAILABLE` when the bundle is refused, or the log or the archive is unavailable.
        """
        self._source = source
        self._start = start
        self._highest = highest
        self._keep = keep
        self._record = record
        self._settled: str | None = None
        self._refusal: PolicyChange | None = None
        self._reloading = threading.Lock()
        self._changed = threading.Condition()
        self._wake = threading.Event()
        self._closing = False
        try:
            self._engine = self._next_engine()
        except BundleRefused as refused:
            raise Unavailable(Reason.POLICY_UNAVAILABLE, internal=f"{source.path}: {refused}") from refused
        self._thread = threading.Thread(target=self._watch, name="policy-watch", daemon=True)
        self._thread.start()

    @property
    def revision(self) -> str:
        """Revision that is active now."""
        return self._engine.revision

    @property
    def rules(self) -> Mapping[str, RuleText]:
        """What the rules of the active policy are called and rest on."""
        return self._engine.rules

    def evaluate(self, policy_input: Mapping[str, Any], *, deadline_seconds: float) -> Evaluation:
        """Return the decision; see `PolicyDecisionPoint`.

        An engine that has moved on before this gateway is asked again once the gateway has verified the same bundle.
        """
        deadline = time.monotonic() + deadline_seconds
        while True:
            engine = self._engine
            try:
                return engine.evaluate(policy_input, deadline_seconds=max(0.0, deadline - time.monotonic()))
            except EngineNotReady:
                if not self._replaced(engine, deadline=deadline):
                    raise

    def reload(self) -> bool:
        """Look at the file now and return whether a bundle was activated. A refusal is recorded once.

        Raises:
            Unavailable: The log or the archive is unavailable, so nothing was changed.
        """
        with self._reloading:
            try:
                engine = self._next_engine()
            except BundleRefused:
                return False
            if engine is self._engine:
                return False
            with self._changed:
                self._engine = engine
                self._changed.notify_all()
            return True

    def close(self) -> None:
        """Watch no longer and take no more calls."""
        self._closing = True
        self._wake.set()
        self._thread.join()
        self._engine.close()

    def _next_engine(self) -> PolicyDecisionPoint:
        """Return an engine for the file as it is now; the active one when the file was dealt with before.

        Raises:
            BundleRefused: It is refused, which is recorded, or the engine does not hold it yet.
            Unavailable: The log or the archive is unavailable.
        """
        digest = None
        try:
            content = self._source.read()
            digest = hashlib.sha256(content).hexdigest()
            if digest == self._settled:
                return self._engine
            signed = self._source.admit(content, highest=self._highest)
            engine = self._started(signed)
        except BundleRefused as refused:
            if not isinstance(refused.__cause__, EngineNotReady):  # it is looked at again until the engine is ready
                self._record_refusal(refused, sha256=digest)
                self._settled = digest
            raise
        self._keep(signed.bundle)
        change = PolicyChange(
            action=PolicyAction.ACTIVATED, revision=signed.bundle.revision, sequence=signed.sequence, sha256=digest
        )
        self._record(change)
        self._settled, self._refusal = digest, None
        if self._highest is None or signed.sequence > (self._highest.sequence or 0):
            self._highest = change
        return engine

    def _started(self, signed: SignedBundle) -> PolicyDecisionPoint:
        try:
            return self._start(signed.bundle)
        except Unavailable as error:
            revision = signed.bundle.revision
            raise BundleRefused(Refusal.ENGINE, error.internal, revision=revision, sequence=signed.sequence) from error

    def _record_refusal(self, refused: BundleRefused, *, sha256: str | None) -> None:
        """Record a refusal, but once while the file is the same."""
        change = PolicyChange(
            action=PolicyAction.REFUSED,
            revision=refused.revision,
            sequence=refused.sequence,
            sha256=sha256,
            reason=refused.reason,
            detail=refused.detail,
        )
        if change != self._refusal:
            self._record(change)
            self._refusal = change

    def _replaced(self, engine: PolicyDecisionPoint, *, deadline: float) -> bool:
        """Have the file looked at and return whether another engine took over by the deadline (`time.monotonic`)."""
        self._wake.set()
        with self._changed:
            return self._changed.wait_for(lambda: self._engine is not engine, timeout=deadline - time.monotonic())

    def _watch(self) -> None:
        while not self._closing:
            self._wake.wait(POLL_SECONDS)
            self._wake.clear()
            with contextlib.suppress(Unavailable):  # the log or the archive is: the change is tried again
                self.reload()
