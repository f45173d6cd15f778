"""Decide recorded queries again, by the archived policy that decided them or by another one.

The engine in this process answers, whichever engine answered then: they agree word for word, and the one that serves
requesters is left in peace.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby
from typing import Any

from gateway.decide.answer import answer_sha256
from gateway.decide.archive import NotArchived, PolicyArchive
from gateway.decide.embedded import EmbeddedPdp
from gateway.decide.input_schema import fits
from gateway.decide.pdp import PolicyDecisionPoint
from gateway.decide.replay import SECONDS_MAX, ChangeKind, changes_to
from gateway.errors import Unavailable
from gateway.model.audit import AuditEntry

INPUT_OF_OTHER_FORM = "INPUT_OF_OTHER_FORM"
"""Why there is no answer: the recorded input has not the form that the policy reads."""


class ReviewOutcome(StrEnum):
    """How an answer compares with the recorded one."""

    IDENTICAL = "identical"
    """The same answer, byte for byte, and the entry says what it says."""
    DIFFERENT = "different"
    """Another answer, but it still allows or still denies."""
    NOW_DENIED = "now_denied"
    NOW_ALLOWED = "now_allowed"
    NO_ANSWER = "no_answer"


_DECISIVE = {
    ChangeKind.NO_ANSWER: ReviewOutcome.NO_ANSWER,
    ChangeKind.NOW_DENIED: ReviewOutcome.NOW_DENIED,
    ChangeKind.NOW_ALLOWED: ReviewOutcome.NOW_ALLOWED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reviewed:
    """What came of deciding one entry again."""

    entry: AuditEntry
    policy_revision: str
    """Of the policy that was asked."""
    outcome: ReviewOutcome
    differences: tuple[str, ...] = ()
    """Before → after; without an answer the code of why."""


def review(
    entries: Iterable[AuditEntry],
    *,
    archive: PolicyArchive,
    schema: Mapping[str, Any],
    by_revision: str | None = None,
) -> Iterator[Reviewed]:
    """Decide every entry again.

    Args:
        entries: Intents and denials in the order of the log; a policy is compiled whenever its revision changes.
        archive: The policies, with the catalogue's data of their time.
        schema: Form of the input that `by_revision` reads.
        by_revision: Policy to ask about all; None asks the one that decided each.
    """
    grouped = groupby(entries, key=lambda entry: by_revision or str(entry.body.get("policy_revision")))
    for revision, group in grouped:
        try:
            pdp = EmbeddedPdp(archive.load(revision))
        except (NotArchived, Unavailable) as error:
            for entry in group:
                yield _unanswered(entry, revision=revision, code=str(error.reason))
            continue
        with closing(pdp):
            for entry in group:
                if by_revision is None or fits(entry.body.get("policy_input"), schema):
                    yield _reviewed(entry, pdp=pdp)
                else:
                    yield _unanswered(entry, revision=revision, code=INPUT_OF_OTHER_FORM)


def _reviewed(entry: AuditEntry, *, pdp: PolicyDecisionPoint) -> Reviewed:
    try:
        answer = pdp.evaluate(entry.body["policy_input"], deadline_seconds=SECONDS_MAX).answer
        digest, changes = answer_sha256(answer), changes_to(entry, answer=answer)
    except Unavailable as error:
        return _unanswered(entry, revision=pdp.revision, code=str(error.reason))
    except (KeyError, TypeError):
        return _unanswered(entry, revision=pdp.revision, code=INPUT_OF_OTHER_FORM)
    differences = sorted({f"{change.dataset} {change.detail}".strip() for change in changes})
    recorded = str(entry.body.get("answer_sha256"))
    if digest != recorded and not differences:
        differences = [f"SHA-256: {recorded} → {digest}"]
    decisive = (_DECISIVE[change.kind] for change in changes if change.kind in _DECISIVE)
    outcome = next(decisive, ReviewOutcome.DIFFERENT if differences else ReviewOutcome.IDENTICAL)
    return Reviewed(entry=entry, policy_revision=pdp.revision, outcome=outcome, differences=tuple(differences))


def _unanswered(entry: AuditEntry, *, revision: str, code: str) -> Reviewed:
    return Reviewed(entry=entry, policy_revision=revision, outcome=ReviewOutcome.NO_ANSWER, differences=(code,))
