"""An entry of the access log as the console shows it in a list."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from catalog.dataset import Bilingual, Text
from connectors.sdk.tlog.entry import Entry, decode_entry
from gateway.doors.console.audit.words import ACTIONS, KINDS, OUTCOMES, in_words
from gateway.doors.console.reasons import SEPARATOR, reason_words

_MICROS = 1_000_000
_STYLES = {"denial": "bad", "failure": "warn", "intent": "good"}
_OUTCOME_STYLES = {"delivered": "good", "cancelled": "", "refused": "warn"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One row of a list of entries."""

    entry: Entry
    kind: Text
    style: str
    """Of the kind's badge."""
    result: Text
    result_style: str
    """Of the result's badge; `plain` for text without one."""
    rows: int | None
    """Rows delivered; None when the entry tells of none."""

    @property
    def seconds(self) -> float:
        """When it was recorded, since 1970-01-01 UTC."""
        return self.entry.time_micros / _MICROS

    @property
    def body(self) -> Mapping[str, Any]:
        """The entry's body."""
        return self.entry.body

    @property
    def requester(self) -> str:
        """Who did it; empty when nobody known did."""
        return str(_facts(self.body, "requester").get("subject", ""))

    @property
    def office(self) -> str:
        """Office id of who did it; empty when nobody known did."""
        return str(_facts(self.body, "requester").get("office", ""))

    @property
    def purpose(self) -> str:
        """Declared purpose; empty for none."""
        return str(self.body.get("purpose") or "")

    @property
    def datasets(self) -> tuple[str, ...]:
        """Names of the datasets that it is about."""
        return tuple(str(dataset["name"]) for dataset in self.body.get("datasets") or ())


def listed(leaf: bytes) -> Listed:
    """Return the row of an entry.

    Args:
        leaf: The entry as the log's tree holds it.

    Raises:
        ValueError: It is no entry.
    """
    entry = decode_entry(leaf)
    result, style = _result(entry)
    sent = _facts(entry.body, "sent")
    return Listed(
        entry=entry,
        kind=in_words(KINDS, entry.kind),
        style=_STYLES.get(entry.kind, ""),
        result=result,
        result_style=style,
        rows=sent.get("rows"),
    )


def codes_of(entry: Entry) -> tuple[str, ...]:
    """Return the codes of why it was denied or failed."""
    denials = tuple(str(denial["code"]) for denial in entry.body.get("denials") or ())
    reason = entry.body.get("reason")
    return denials or ((str(reason),) if reason and entry.kind in ("failure", "receipt") else ())


def _result(entry: Entry) -> tuple[Text, str]:
    body = entry.body
    if entry.kind in ("denial", "failure"):
        return reason_words(SEPARATOR.join(codes_of(entry))), "plain"
    if outcome := body.get("outcome"):
        return in_words(OUTCOMES, outcome), _OUTCOME_STYLES.get(outcome, "bad")
    if action := body.get("action"):
        return in_words(ACTIONS, action), "plain"
    return Text(
        zh="已批准" if entry.kind == "intent" else "—", en="Allowed" if entry.kind == "intent" else "—"
    ), "plain"


def _facts(body: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = body.get(name)
    return found if isinstance(found, dict) else {}


Titles = Mapping[tuple[str, str], Bilingual]
"""Titles that the catalogue has, by what it names (`office`, `purpose`, `dataset`) and id."""
