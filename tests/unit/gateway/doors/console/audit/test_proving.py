from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from connectors.sdk.tlog import Evidence, LogWriter, VerificationKey
from connectors.sdk.tlog.note import SignatureType, cosign_checkpoint
from gateway.doors.console.audit.proving import prove
from gateway.doors.console.audit.verifying import cosignatures_of
from gateway.doors.console.audit.work import AuditWork, KeyRefused, Keys

NAME = "city/audit"
SIGNING = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
LOG_KEY = VerificationKey(name=NAME, key=SIGNING.public_key())
WITNESS = Ed25519PrivateKey.from_private_bytes(bytes(32))
WITNESS_KEY = VerificationKey(name="health/witness", key=WITNESS.public_key(), signature_type=SignatureType.COSIGNATURE)


@pytest.fixture
def evidence(tmp_path: Path) -> Evidence:
    ids = itertools.count(1)
    with LogWriter.open(
        tmp_path / "log",
        signing_key=SIGNING,
        name=NAME,
        clock_micros=lambda: 1_700_000_000_000_000,
        new_entry_id=lambda: f"entry-{next(ids)}",
    ) as log:
        entries = [log.append("denial", {"note": str(number)}) for number in range(5)]
        return log.evidence(entries[2])


def test_nothing_passes_without_a_key(evidence: Evidence) -> None:
    """Without the auditor's key nothing is claimed."""
    assert prove(evidence, work=AuditWork()).passed is None


def test_an_entry_of_the_log_passes(evidence: Evidence) -> None:
    """With the log's key the entry is proven, with the numbers that show it."""
    proof = prove(evidence, work=AuditWork(keys=Keys(log=LOG_KEY)))
    assert (proof.passed, proof.problem, proof.evidence.index) == (True, None, 2)
    assert proof.key == LOG_KEY.to_text()


def test_every_changed_byte_of_an_entry_fails(evidence: Evidence) -> None:
    """Whichever byte is changed on the way, the entry does not pass, and the page says what to do."""
    work = AuditWork(keys=Keys(log=LOG_KEY))
    for position in range(len(evidence.leaf)):
        leaf = bytearray(evidence.leaf)
        leaf[position] ^= 1
        proof = prove(replace(evidence, leaf=bytes(leaf)), work=work)
        assert proof.passed is False
        assert proof.problem is not None


def test_another_logs_key_fails(evidence: Evidence) -> None:
    """A checkpoint that another key signed proves nothing."""
    other = VerificationKey(name=NAME, key=Ed25519PrivateKey.from_private_bytes(b"o" * 32).public_key())
    proof = prove(evidence, work=AuditWork(keys=Keys(log=other)))
    assert proof.passed is False
    assert "公钥" in proof.problem.zh


def test_a_checkpoint_that_is_none_fails(evidence: Evidence) -> None:
    """What is no signed note does not break the page."""
    proof = prove(replace(evidence, checkpoint=b"nothing"), work=AuditWork(keys=Keys(log=LOG_KEY)))
    assert (proof.passed, proof.root) == (False, "")


def test_keys_of_witnesses_come_in_the_same_file() -> None:
    """One line is the log's key, further ones are witnesses'."""
    keys = Keys.read(f"{LOG_KEY.to_text()}\n{WITNESS_KEY.to_text()}\n\n")
    assert (keys.log.name, [key.name for key in keys.witnesses]) == (NAME, ["health/witness"])


@pytest.mark.parametrize("text", ["", "nonsense", WITNESS_KEY.to_text(), f"{LOG_KEY.to_text()}\n{LOG_KEY.to_text()}"])
def test_a_file_without_exactly_one_key_of_a_log_is_refused(text: str) -> None:
    """What is no file of keys is told at once, not as a failed verification."""
    with pytest.raises(KeyRefused):
        Keys.read(text)


def test_cosignatures_are_checked_with_the_keys_that_were_brought(evidence: Evidence) -> None:
    """A witness's line passes with its key, fails with another, and is not claimed without."""
    line = cosign_checkpoint(
        evidence.checkpoint, name="health/witness", time_seconds=1_700_000_001, signing_key=WITNESS
    )
    note = evidence.checkpoint + line
    (without,) = cosignatures_of(note, log=NAME, witnesses=())
    (checked,) = cosignatures_of(note, log=NAME, witnesses=(WITNESS_KEY,))
    forged = VerificationKey(name="health/witness", key=SIGNING.public_key(), signature_type=SignatureType.COSIGNATURE)
    (failed,) = cosignatures_of(note, log=NAME, witnesses=(forged,))
    assert (without.known, without.cosigned_at) == (False, None)
    assert (checked.known, checked.cosigned_at) == (True, 1_700_000_001)
    assert (failed.known, failed.cosigned_at) == (True, None)
    assert cosignatures_of(evidence.checkpoint, log=NAME, witnesses=()) == ()
