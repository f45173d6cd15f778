"""Ask other policies what was asked before, to see which recorded decisions would change."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from connectors.sdk.predicates import Predicate
from gateway.decide.input_schema import fits
from gateway.decide.pdp import PolicyDecisionPoint
from gateway.errors import Unavailable
from gateway.model.audit import AuditEntry, EntryKind

EXAMPLES_MAX = 3
SECONDS_MAX = 10.0
"""For one answer."""


class ChangeKind(StrEnum):
    """How a decision would change."""

    NOW_DENIED = "now_denied"
    NOW_ALLOWED = "now_allowed"
    OTHER_CODES = "other_codes"
    """Denied before and now, for other reasons."""
    TREATMENT = "treatment"
    """A column is treated otherwise."""
    ROW_FILTER = "row_filter"
    OBLIGATIONS = "obligations"
    """Obligations, or the smallest group of a statistic."""
    NO_ANSWER = "no_answer"
    """The new policy gives no usable answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One way in which decisions would change, for one office, purpose and dataset."""

    kind: ChangeKind
    office: str
    purpose: str
    dataset: str
    """Empty where the change is not of one dataset."""
    detail: str
    """Before → after."""


@dataclass(slots=True)
class Occurrences:
    """How often a change was found, and the first entries that show it."""

    count: int = 0
    entry_ids: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """The outcome of asking again."""

    compared: int
    changed: int
    """Decisions with at least one change."""
    not_comparable: int
    """Entries whose input has not the form that the policies read, for example of an older gateway."""
    changes: Mapping[Change, Occurrences]


def replay(entries: Iterable[AuditEntry], *, pdp: PolicyDecisionPoint, schema: Mapping[str, Any]) -> Replay:
    """Ask `pdp` about every recorded decision (entries of intents and denials) and collect what would change."""
    compared = changed = not_comparable = 0
    found: dict[Change, Occurrences] = defaultdict(Occurrences)
    for entry in entries:
        if "seen_by" in (entry.body.get("requester") or {}):
            continue  # an administrator looked as an office; nobody asked
        if not fits(entry.body.get("policy_input"), schema):
            not_comparable += 1
            continue
        compared += 1
        changes = set(_changes(entry, pdp=pdp))
        changed += bool(changes)
        for change in changes:
            occurrences = found[change]
            occurrences.count += 1
            if len(occurrences.entry_ids) < EXAMPLES_MAX:
                occurrences.entry_ids.append(entry.entry_id)
    return Replay(compared=compared, changed=changed, not_comparable=not_comparable, changes=found)


def _changes(entry: AuditEntry, *, pdp: PolicyDecisionPoint) -> list[Change]:
    try:
        answer = pdp.evaluate(entry.body["policy_input"], deadline_seconds=SECONDS_MAX).answer
    except Unavailable as error:
        return [_change(entry, ChangeKind.NO_ANSWER, str(error.reason))]
    return changes_to(entry, answer=answer)


def changes_to(entry: AuditEntry, *, answer: Any) -> list[Change]:  # noqa: ANN401 - JSON
    """Return how an untrusted answer differs from what an intent or denial recorded; the policy's input must be there."""
    changes = []
    try:
        allow, codes = answer["allow"], _codes(answer["denials"])
        before = "" if entry.kind == EntryKind.INTENT else _codes(entry.body["denials"])
        if allow is True and entry.kind == EntryKind.INTENT:
            changes += [_change(entry, *found) for found in _released_differently(entry.body, answer)]
        elif allow is True:
            changes.append(_change(entry, ChangeKind.NOW_ALLOWED, f"{before} → ✓"))
        elif entry.kind == EntryKind.INTENT:
            changes.append(_change(entry, ChangeKind.NOW_DENIED, f"✓ → {codes}"))
        elif codes != before:
            changes.append(_change(entry, ChangeKind.OTHER_CODES, f"{before} → {codes}"))
    except (KeyError, TypeError, ValueError) as error:
        changes.append(_change(entry, ChangeKind.NO_ANSWER, repr(error)))
    return changes


def _change(entry: AuditEntry, kind: ChangeKind, detail: str, dataset: str | None = None) -> Change:
    """Return a change of one dataset, or of all that the query uses."""
    asked = entry.body["policy_input"]
    if dataset is None:
        dataset = " ".join(used["name"] for used in asked["query"]["datasets"])
    return Change(
        kind=kind, office=asked["requester"]["office"], purpose=asked["purpose"], dataset=dataset, detail=detail
    )


def _codes(denials: Iterable[Mapping[str, str]]) -> str:
    return " ".join(sorted({denial["code"] for denial in denials}))


def _released_differently(body: Mapping[str, Any], answer: Mapping[str, Any]) -> Iterator[tuple[ChangeKind, str, str]]:
    for recorded in body["datasets"]:
        name = recorded["name"]
        decided = answer["datasets"][name]
        for column in recorded["columns"]:
            treatment = decided["columns"][column["name"]]
            old, new = _treatment(column), _treatment(treatment)
            if old != new:
                yield ChangeKind.TREATMENT, f"{column['name']}: {old} → {new}", name
        row_filter = Predicate.from_json(decided["row_filter"]).to_json()
        if row_filter != recorded["row_filter"]:
            yield ChangeKind.ROW_FILTER, f"{_shown(recorded['row_filter'])} → {_shown(row_filter)}", name
        after = decided["lookup_values_max"]
        before = recorded.get("lookup_values_max", after)
        if before != after:
            yield ChangeKind.OBLIGATIONS, f"lookup_values_max: {_shown(before)} → {_shown(after)}", name
    recorded = {**(body["obligations"] or {}), "people_min": body["people_min"]}
    decided = {**answer["obligations"], "people_min": answer["people_min"]}
    for name in sorted(recorded):
        if recorded[name] != decided.get(name):
            detail = f"{name}: {_shown(recorded[name])} → {_shown(decided.get(name))}"
            yield ChangeKind.OBLIGATIONS, detail, ""


def _treatment(column: Mapping[str, Any]) -> str:
    return f"{column['action']} ({column['mask']})" if column["mask"] else str(column["action"])


def _shown(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
