"""Proofs of possession that do not hold; each would hold with one check fewer."""

from __future__ import annotations

import json
import time

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from gateway.doors.console.proof import PROOF_SECONDS, Proof, ProofInvalid, UsedProofs, check_proof
from tests.attacks.console.browsers import new_key, proof_of

URL = "https://console.city/-/log"
NOW = 1_800_000_000
KEY = new_key()
PUBLIC = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(KEY.public_key()))
PRIVATE = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(KEY))
OTHER = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(new_key().public_key()))


def check(*sent: str) -> Proof:
    return check_proof(sent, method="POST", url=URL, now=NOW)


def proof(**bent: object) -> str:
    return proof_of(KEY, **({"method": "POST", "url": URL, "at": NOW} | bent))


def test_a_sound_proof_names_its_key():
    """The same key has the same name, another key another one."""
    assert check(proof()).key == check(proof()).key != check(proof_of(new_key(), method="POST", url=URL, at=NOW)).key


@pytest.mark.parametrize(
    "same",
    ["https://console.city:443/-/log", "HTTPS://Console.City/-/log", "https://console.city/-/l%6fg", f"{URL}?page=2#x"],
)
def test_the_same_address_in_other_spelling_holds(same):
    """RFC 9449 compares URLs after normalisation, without query and fragment."""
    assert check(proof(url=same))


BENT = {
    "another path": {"url": "https://console.city/-/stops"},
    "another host": {"url": "https://console.evil/-/log"},
    "another port": {"url": "https://console.city:8443/-/log"},
    "another scheme": {"url": "http://console.city/-/log"},
    "a name before the host": {"url": "https://console.city@evil/-/log"},
    "another method": {"method": "GET"},
    "too old": {"at": NOW - PROOF_SECONDS - 1},
    "of the future": {"at": NOW + PROOF_SECONDS + 1},
    "a time that is no number": {"iat": "now"},
    "a time that is true": {"iat": True},
    "no id": {"jti": ""},
    "an endless id": {"jti": "x" * 101},
    "an id that is no text": {"jti": ["x"]},
    "an address that is no text": {"htu": ["x"]},
    "another type": {"header": {"typ": "JWT"}},
    "critical extensions": {"header": {"crit": ["b64"], "b64": True}},
    "a private key": {"header": {"jwk": PRIVATE}},
    "somebody else's key": {"header": {"jwk": OTHER}},
    "no key": {"header": {"jwk": None}},
    "a key that is text": {"header": {"jwk": "key"}},
    "a key of another curve": {"header": {"jwk": PUBLIC | {"crv": "P-384"}}},
}


@pytest.mark.parametrize("bent", BENT.values(), ids=BENT.keys())
def test_a_bent_proof_does_not_hold(bent):
    """Not for another request, not at another time, not with another key."""
    with pytest.raises(ProofInvalid):
        check(proof(**bent))


def test_no_and_several_proofs_do_not_hold():
    """Exactly one header, and not an endless one."""
    for sent in ((), ("",), (proof(), proof()), ("x" * 100_000,), ("[" * 1_900,), ("a.b.c",)):
        with pytest.raises(ProofInvalid):
            check(*sent)


def test_other_algorithms_do_not_hold():
    """Neither none, nor a symmetric one with the public key, nor RSA."""
    claims = {"htm": "POST", "htu": URL, "iat": NOW, "jti": "1"}
    header = {"typ": "dpop+jwt", "jwk": PUBLIC}
    forged = [
        jwt.encode(claims, None, algorithm="none", headers=header),
        jwt.encode(claims, PUBLIC["x"], algorithm="HS256", headers=header),
        jwt.encode(claims, rsa.generate_private_key(65537, 2048), algorithm="RS256", headers=header),
        jwt.encode(claims, ec.generate_private_key(ec.SECP384R1()), algorithm="ES384", headers=header),
    ]
    for one in forged:
        with pytest.raises(ProofInvalid):
            check(one)


def test_a_proof_holds_once():
    """As long as it could be used again it is remembered, then forgotten."""
    used = UsedProofs()
    first = Proof(key="k", id="1")
    used.use(first, now=NOW)
    with pytest.raises(ProofInvalid):
        used.use(first, now=NOW + 2 * PROOF_SECONDS - 1)
    used.use(Proof(key="other", id="1"), now=NOW)
    used.use(first, now=NOW + 2 * PROOF_SECONDS + 1)


def test_one_who_floods_is_refused_alone():
    """Memory is bounded for each session, and no session takes another's place."""
    flooded, quiet = UsedProofs(proofs_max=10), UsedProofs(proofs_max=10)
    for number in range(10):
        flooded.use(Proof(key="k", id=str(number)), now=NOW)
    with pytest.raises(ProofInvalid):
        flooded.use(Proof(key="k", id="10"), now=NOW)
    quiet.use(Proof(key="q", id="1"), now=NOW)


def test_a_proof_is_checked_quickly():
    """Refusing costs little."""
    began = time.perf_counter()
    for _ in range(20):
        with pytest.raises(ProofInvalid):
            check("x" * 2_000)
    assert time.perf_counter() - began < 1
