"""docs/audit.md says what the access log holds and what verification finds."""

from __future__ import annotations

import re
from dataclasses import fields

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from connectors.sdk.tlog import Entry, ProblemKind, VerificationKey, read_checkpoint
from connectors.sdk.tlog.entry import VERSION
from connectors.sdk.tlog.note import CHECKPOINT_BYTES_MAX, ForgedCheckpointError
from gateway.model.audit import EntryKind, Outcome
from tests.unit.docs.pages import blocks, code, read, section, table

PAGE = read("audit.md")
FIELDS, KINDS = section(PAGE, "Format").split("\n\n| kind")


def test_fields_are_those_of_an_entry():
    """The first table names every field of an entry, in the order of its bytes, with the version in force."""
    rows = table(FIELDS)
    documented = {code(row[0])[0] for row in rows}
    assert documented == {field.name for field in fields(Entry)} - {"leaf"} | {"version"}
    assert rows[0][1] == f"1 byte, {VERSION}"


def test_kinds_and_outcomes_are_all_there():
    """The second table names every kind, and the text every outcome."""
    rows = table("| kind" + KINDS.split("\n\n")[0])
    assert [code(row[0])[0] for row in rows] == [str(kind) for kind in EntryKind]
    listed = re.search(r"Outcomes of a receipt: (.*?), which recovery", section(PAGE, "Format"))
    assert set(code(listed[1])) == {str(outcome) for outcome in Outcome}


def test_problems_are_all_explained():
    """The table of problems is the verification's, in its order."""
    assert [code(row[0])[0] for row in table(section(PAGE, "Verify"))] == [str(kind) for kind in ProblemKind]


def test_the_checkpoint_of_the_page_has_the_right_form():
    """The example is read as a signed note; with another key it is taken for a forgery, not for a malformed one."""
    (note,) = [content.encode() for info, content in blocks(PAGE) if info == "text"]
    assert len(note) < CHECKPOINT_BYTES_MAX
    other = VerificationKey(name="sharing-gateway/audit", key=Ed25519PrivateKey.generate().public_key())
    with pytest.raises(ForgedCheckpointError):
        read_checkpoint(note, public_key=other)
