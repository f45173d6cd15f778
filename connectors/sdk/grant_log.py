"""A department's own log: which grants it served, what left under each, and whose rows those were.

| kind | written when |
|---|---|
| `granted` | a grant was accepted: for whom, what for, which columns in which form |
| `subjects` | rows left under a grant: the set of their data subjects, which can be asked but not read (`subject_sets`) |
| `served` | a grant came to its end, complete or not; that of a complete one is written before its end message |
| `refused` | a grant that the gateway signed was refused |
| `inquiry` | the gateway's auditors asked about this log; durable before the answer |

`granted` and the data subjects of the first rows are durable before a row leaves, in one commit, which is all that a look-up
waits for. The sets of later rows are written when they are full, and the last of them is durable before the end message. So of
a grant without `served` the log knows that rows of others may have left too.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import pyarrow as pa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from catalog.dataset import Dataset
from catalog.vocabulary import IdentifierKind
from connectors.sdk.grant import GrantCode, ScanGrant
from connectors.sdk.inquiry import Inquiry
from connectors.sdk.keyed_hash import KEY_BYTES
from connectors.sdk.subject_sets import (
    Hashes,
    SubjectCollector,
    hash_subjects,
    pack_set,
    subject_columns,
    unpack_set,
)
from connectors.sdk.tlog.entry import Entry
from connectors.sdk.tlog.reading import read_entries
from connectors.sdk.tlog.writer import LogWriter

GRANTED, SUBJECTS, SERVED, REFUSED, INQUIRY = "granted", "subjects", "served", "refused", "inquiry"
_SUBJECT_CONTEXT = b"sharing-subject-sets-v1"

_Draft = tuple[str, dict[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundSubject:
    """A grant under which a row of the data subject left, or may have left."""

    decision_id: str
    dataset: str
    certain: bool
    """False when the end of the grant was not recorded, so that rows may have left of which no set is known."""


class GrantLog:
    """The department's log of grants.

    Args:
        log: Where entries go; closed by `close`.
        signing_key: The log's own key; the key of the subject sets is derived from it, so keep it as long as the log.
    """

    def __init__(self, log: LogWriter, *, signing_key: Ed25519PrivateKey) -> None:
        self._log = log
        self._subject_key = hmac.digest(signing_key.private_bytes_raw(), _SUBJECT_CONTEXT, "sha256")[:KEY_BYTES]

    @classmethod
    def open(
        cls,
        directory: Path,
        *,
        signing_key: Ed25519PrivateKey,
        department: str,
        clock_micros: Callable[[], int],
        new_entry_id: Callable[[], str],
    ) -> Self:
        """Open the log in `directory`, made when missing, after verifying it; its verification key is beside the segments.

        Raises:
            LogUnavailable: It does not verify, cannot be written, or somebody else writes it.
        """
        log = LogWriter.open(
            directory,
            signing_key=signing_key,
            name=f"sharing-connector/{department}",
            clock_micros=clock_micros,
            new_entry_id=new_entry_id,
        )
        (directory / "verification-key.txt").write_text(log.verification_key.to_text() + "\n", "utf-8")
        return cls(log, signing_key=signing_key)

    def granted(self, grant: ScanGrant, *, dataset: Dataset) -> ServedGrant:
        """Return what records this grant while it is served."""
        subjects = subject_columns(grant, dataset=dataset)
        body = {
            "grant_id": grant.grant_id,
            "decision_id": grant.decision_id,
            "dataset": grant.dataset,
            "purpose": grant.purpose,
            "recipient": grant.recipient,
            "columns": [
                {"name": column.name, "action": str(column.action), "mask": column.mask and str(column.mask)}
                for column in grant.columns
            ],
            "lookup_values": len(grant.lookup.values) if grant.lookup else 0,
            "rows_max": grant.rows_max,
            "identifiers": sorted(set(subjects.values())),
        }
        return ServedGrant(log=self._log, body=body, subjects=subjects, subject_key=self._subject_key)

    def refused(self, grant: ScanGrant | None, *, code: GrantCode) -> None:
        """Record, without waiting for it, that a grant was refused; `grant` is None when it could not be read.

        Raises:
            LogUnavailable: The log cannot be written.
        """
        known = (
            {"grant_id": grant.grant_id, "decision_id": grant.decision_id, "dataset": grant.dataset} if grant else {}
        )
        self._log.submit([(REFUSED, {**known, "code": str(code)})])

    def read(self, inquiry: Inquiry) -> Iterator[Entry]:
        """Record the inquiry, then yield the entries of its period without the subject sets, oldest first.

        Raises:
            LogUnavailable: The log cannot be written.
            OSError, ValueError: It cannot be read.
        """
        self._asked(inquiry)
        kinds = frozenset({GRANTED, SERVED, REFUSED, INQUIRY})
        yield from read_entries(
            self._log.segments(), kinds=kinds, from_time=inquiry.from_time, until_time=inquiry.until_time
        )

    def find(self, inquiry: Inquiry) -> Iterator[FoundSubject]:
        """Record the inquiry without its value, then yield the grants of its period under which a row of the subject left.

        After them come the grants that have no end, under which such a row may have left beyond the recorded ones.

        Raises:
            LogUnavailable: The log cannot be written.
            OSError, ValueError: It cannot be read.
        """
        self._asked(inquiry)
        spellings = {inquiry.value, inquiry.value.upper(), inquiry.value.lower()}
        wanted = hash_subjects(pa.array(sorted(spellings)), key=self._subject_key)
        unended: dict[str, FoundSubject] = {}
        for entry in read_entries(
            self._log.segments(),
            kinds=frozenset({GRANTED, SUBJECTS, SERVED}),
            from_time=inquiry.from_time,
            until_time=inquiry.until_time,
        ):
            body = entry.body
            grant_id, found = body["grant_id"], {name: body[name] for name in ("decision_id", "dataset")}
            if entry.kind == GRANTED and inquiry.identifier in body["identifiers"]:
                unended[grant_id] = FoundSubject(**found, certain=False)
            elif entry.kind == SERVED:
                unended.pop(grant_id, None)
            elif entry.kind == SUBJECTS and body["identifier"] == inquiry.identifier and _holds(body, wanted=wanted):
                unended.pop(grant_id, None)
                yield FoundSubject(**found, certain=True)
        yield from unended.values()

    def _asked(self, inquiry: Inquiry) -> None:
        facts = {"inquiry_id": inquiry.inquiry_id, "identifier": inquiry.identifier}
        period = {"from_time": inquiry.from_time, "until_time": inquiry.until_time}
        self._log.append(INQUIRY, {**facts, **period})

    def close(self) -> None:
        """Close the log. What was submitted becomes durable."""
        self._log.close()


class ServedGrant:
    """Records one grant while it is served.

    Args:
        log: Where entries go.
        body: Of the entry `granted`.
        subjects: By column whom the rows are about.
        subject_key: Key of the sets.
    """

    def __init__(
        self, *, log: LogWriter, body: dict[str, Any], subjects: Mapping[str, IdentifierKind], subject_key: bytes
    ) -> None:
        self._log = log
        self._body = body
        self._begun = False
        self._subjects = subjects
        self._collectors = {identifier: SubjectCollector(key=subject_key) for identifier in subjects.values()}

    def sending(self, batch: pa.RecordBatch) -> None:
        """Record whose rows these are; before the first of them, return once that and the grant are durable.

        Args:
            batch: Raw rows with the columns of `subject_columns`, about to leave.

        Raises:
            LogUnavailable: That is not known to be durable, so nothing may leave.
        """
        if not batch.num_rows:
            return
        full = [
            self._subjects_entry(identifier, members)
            for column, identifier in self._subjects.items()
            for members in self._collectors[identifier].add(batch.column(column))
        ]
        if not self._begun:
            self._log.submit([*self._unrecorded(), *full]).wait()
        elif full:
            self._log.submit(full)

    def close(self, *, rows: int, sha256: bytes, complete: bool) -> None:
        """Record how it ended. When it is complete, return once all data subjects are durable, so that its end may be sent.

        Raises:
            LogUnavailable: The log cannot be written.
        """
        unrecorded = self._unrecorded()
        sent = {"rows": rows, "sha256": sha256.hex(), "complete": complete}
        pending = self._log.submit([*unrecorded, (SERVED, {**self._body, **sent})])
        if complete and unrecorded:
            pending.wait()

    def _unrecorded(self) -> list[_Draft]:
        """Return the entries of what was collected, with `granted` the first time."""
        drafts: list[_Draft] = [] if self._begun else [(GRANTED, self._body)]
        self._begun = True
        for identifier, collector in self._collectors.items():
            drafts += [self._subjects_entry(identifier, members) for members in collector.rest()]
        return drafts

    def _subjects_entry(self, identifier: IdentifierKind, members: Hashes) -> _Draft:
        known = {name: self._body[name] for name in ("grant_id", "decision_id", "dataset")}
        packed = base64.b64encode(pack_set(members)).decode()
        return SUBJECTS, {**known, "identifier": str(identifier), "members": len(members), "set": packed}


def _holds(body: Mapping[str, Any], *, wanted: Hashes) -> bool:
    members = unpack_set(base64.b64decode(body["set"]), members=body["members"])
    return bool((members[members.searchsorted(wanted).clip(max=len(members) - 1)] == wanted).any())
