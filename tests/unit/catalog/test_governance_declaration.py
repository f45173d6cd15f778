"""Declarations of emergencies and who may sign them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from catalog.governance import (
    Declaration,
    GovernanceRefused,
    Signature,
    Signer,
    load_signers,
    sign_declaration,
    verify_declaration,
)
from tests.unit.catalog.declarations import DAY, KEYS, NOW, SIGNERS, declaration, signed

GOOD = declaration()


def refusal(content: Declaration, signatures: list[Signature]) -> str:
    with pytest.raises(GovernanceRefused) as raised:
        verify_declaration(content, signatures=signatures, signers=SIGNERS)
    return raised.value.text.en


def pem(key: object) -> str:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def signer_entry(id: str, *, key: object | None = None, office: str = "shanghai") -> dict[str, object]:
    return {"id": id, "name": {"zh": id, "en": id}, "office": office, "public_key": pem(key or KEYS[id])}


def write(path: Path, *entries: dict[str, object]) -> Path:
    file = path / "signers.yaml"
    file.write_text(yaml.safe_dump(list(entries)), "utf-8")
    return file


def test_two_signers_of_different_offices_are_enough() -> None:
    """A declaration signed by two registered people of two offices holds; a third signature does no harm."""
    assert verify_declaration(GOOD, signatures=signed(GOOD), signers=SIGNERS) == ("doctor", "mayor")
    three = signed(GOOD, "nurse", "mayor", "doctor")
    assert verify_declaration(GOOD, signatures=three, signers=SIGNERS) == ("doctor", "mayor", "nurse")


@pytest.mark.parametrize(
    "signers", [(), ("mayor",), ("mayor", "mayor"), ("doctor", "nurse"), ("doctor", "nurse", "nurse")], ids=str
)
def test_fewer_than_two_offices_are_not_enough(signers: tuple[str, ...]) -> None:
    """One signer, one signer twice, and two signers of one office are refused; with one of another office it holds."""
    signatures = signed(GOOD, *signers) if signers else []
    assert "at least 2 signers" in refusal(GOOD, signatures)
    assert verify_declaration(GOOD, signatures=signatures + signed(GOOD, "mayor", "doctor"), signers=SIGNERS)


def test_two_names_with_one_key_are_one_signer() -> None:
    """Registered twice with the same key, under names of different offices, somebody still signs once."""
    twin = Signer(id="alias", name=SIGNERS["mayor"].name, office="dept-housing", public_key=KEYS["mayor"].public_key())
    signatures = [*signed(GOOD, "mayor"), sign_declaration(GOOD, signer="alias", key=KEYS["mayor"])]
    with pytest.raises(GovernanceRefused, match="at least 2"):
        verify_declaration(GOOD, signatures=signatures, signers=SIGNERS | {"alias": twin})


FORGERIES: dict[str, Callable[[], Signature]] = {
    "of another's key": lambda: sign_declaration(GOOD, signer="doctor", key=KEYS["stranger"]),
    "under another's name": lambda: sign_declaration(GOOD, signer="doctor", key=KEYS["mayor"]),
    "of nobody registered": lambda: sign_declaration(GOOD, signer="stranger", key=KEYS["stranger"]),
    "of another declaration": lambda: signed(declaration(area="31"), "doctor")[0],
    "without its domain": lambda: Signature(
        signer="doctor", signature=KEYS["doctor"].sign(GOOD.canonical().encode()).hex()
    ),
    "empty": lambda: Signature(signer="doctor", signature=""),
    "not base64": lambda: Signature(signer="doctor", signature="°"),
}


@pytest.mark.parametrize("forge", FORGERIES.values(), ids=FORGERIES)
def test_one_bad_signature_spoils_the_declaration(forge: Callable[[], Signature]) -> None:
    """A forged signature is refused even beside enough good ones, without which it would hold."""
    assert "signature" in refusal(GOOD, [*signed(GOOD), forge()])
    assert verify_declaration(GOOD, signatures=signed(GOOD), signers=SIGNERS)


@pytest.mark.parametrize(
    "change",
    [
        {"id": "outbreak-2"},
        {"title": {"zh": "疫情", "en": "Outbreaks"}},
        {"area": "31"},
        {"purposes": ("epidemic-control", "venue-verification")},
        {"starts_at": NOW - DAY - 1},
        {"ends_at": NOW + DAY + 1},
    ],
    ids=lambda change: next(iter(change)),
)
def test_every_field_is_signed(change: dict[str, object]) -> None:
    """Whatever is changed after signing, the signatures no longer fit; signed again they do."""
    changed = declaration(**change)
    assert "does not fit" in refusal(changed, signed(GOOD))
    assert verify_declaration(changed, signatures=signed(changed), signers=SIGNERS)


def test_the_order_of_purposes_does_not_matter() -> None:
    """The same declaration written in another order is the same declaration."""
    purposes = ("venue-verification", "epidemic-control")
    assert declaration(purposes=purposes).canonical() == declaration(purposes=purposes[::-1]).canonical()


@pytest.mark.parametrize("ends_at", [GOOD.starts_at, GOOD.starts_at - 1, GOOD.starts_at + 180 * DAY + 1])
def test_an_emergency_is_bounded(ends_at: int) -> None:
    """However many sign, it ends after it starts and lasts at most 180 days."""
    changed = declaration(ends_at=ends_at)
    assert "180 days" in refusal(changed, signed(changed, "mayor", "doctor", "nurse"))
    longest = declaration(ends_at=GOOD.starts_at + 180 * DAY)
    assert verify_declaration(longest, signatures=signed(longest), signers=SIGNERS)


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"id": "x"}, "id"),
        ({"id": "../etc"}, "id"),
        ({"title": {"zh": "", "en": "x"}}, "title.zh"),
        ({"area": "31%"}, "area"),
        ({"purposes": ()}, "purposes"),
        ({"starts_at": "2026-03-01T00:00:00"}, "starts_at"),
        ({"starts_at": 1.5}, "starts_at"),
        ({"ends_at": True}, "ends_at"),
        ({"ends_at": 1 << 63}, "ends_at"),
        ({"extra": 1}, "extra"),
    ],
    ids=str,
)
def test_a_malformed_declaration_is_refused(change: dict[str, object], where: str) -> None:
    """What is wrong is named; a time needs its zone."""
    with pytest.raises(GovernanceRefused, match=f"malformed: {where}"):
        declaration(**change)


@pytest.mark.parametrize("content", [None, "text", [], 7], ids=str)
def test_what_is_no_declaration_is_refused(content: object) -> None:
    """Any other content of a file is refused, not an error of ours."""
    with pytest.raises(GovernanceRefused):
        Declaration.read(content)


def test_times_may_be_written_for_people() -> None:
    """YAML date-times with their zone mean the same as seconds."""
    text = "{starts_at: 2027-01-14T16:00:00+08:00, ends_at: '2027-01-16T08:00:00Z'}"
    assert declaration(**yaml.safe_load(text)) == GOOD


def test_signers_are_read_from_a_file(tmp_path: Path) -> None:
    """The signers file gives each signer's office and key."""
    signers = load_signers(write(tmp_path, signer_entry("mayor"), signer_entry("doctor", office="dept-health")))
    assert verify_declaration(GOOD, signatures=signed(GOOD), signers=signers) == ("doctor", "mayor")


@pytest.mark.parametrize(
    "entry",
    [
        signer_entry("mayor", key=KEYS["nurse"]),
        signer_entry("alias", key=KEYS["mayor"]),
        signer_entry("curve", key=generate_private_key(SECP256R1())),
        signer_entry("doctor") | {"public_key": "none"},
        signer_entry("doctor") | {"role": "admin"},
        signer_entry("doctor") | {"office": ""},
    ],
    ids=["same id", "same key", "another algorithm", "no key", "unknown field", "no office"],
)
def test_a_doubtful_signers_file_is_refused(tmp_path: Path, entry: dict[str, object]) -> None:
    """Nothing is served with a signers file that could count one person twice or holds something else."""
    with pytest.raises(ValueError, match=r"\S"):
        load_signers(write(tmp_path, signer_entry("mayor"), entry))
    assert load_signers(write(tmp_path, signer_entry("mayor"), signer_entry("doctor"))).keys() == {"mayor", "doctor"}
