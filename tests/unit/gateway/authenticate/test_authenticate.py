"""From a header to a requester."""

from __future__ import annotations

import json
from pathlib import Path

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from catalog.catalogue import Catalogue
from catalog.load import load_catalogue
from catalog.vocabulary import OfficeKind, Role
from gateway.authenticate import Issuer, TokenVerifier, authenticate
from gateway.authenticate.tokens import CLOCK_SKEW_SECONDS, issue_token
from gateway.errors import Unauthenticated
from gateway.messages import Reason
from gateway.model.requester import Requester
from tests.unit.gateway.authenticate.credentials import (
    AUDIENCE,
    CLAIMS,
    HEADER,
    ISSUER,
    KEY,
    KEY_ID,
    LIFETIME_SECONDS_MAX,
    NOW,
    OTHER_ISSUER,
    OTHER_KEY,
    OTHER_KEY_ID,
    jwks,
    make_directory,
    make_verifier,
    signed,
    token,
)


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue()


@pytest.fixture
def verifier(tmp_path: Path) -> TokenVerifier:
    return make_verifier(tmp_path)


def ask(header: str | None, verifier: TokenVerifier, catalogue: Catalogue) -> Requester:
    return authenticate(header, verifier=verifier, directory=make_directory(), catalogue=catalogue)


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_a_good_token_gives_the_requester_of_the_directory(
    verifier: TokenVerifier, catalogue: Catalogue, scheme: str
) -> None:
    """The token says who; office, kind, division, roles and clearance come from the directory and the catalogue."""
    claims = {"roles": ["administrator"], "office": "audit-office", "clearance": "core", "division_code": "31"}
    assert ask(f"{scheme} {token(**claims)}", verifier, catalogue) == Requester(
        subject="clerk",
        token_id="token-1",
        office="310101002",
        office_kind=OfficeKind.STREET,
        division_code="310101002",
        roles=frozenset({Role.CLERK}),
        clearance="general-3",
        department=None,
    )


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer ", "Basic Y2xlcms6eA==", "Token x"])
def test_no_token_is_told_as_such(verifier: TokenVerifier, catalogue: Catalogue, header: str | None) -> None:
    """Who sends no bearer token is told how to send one."""
    with pytest.raises(Unauthenticated) as raised:
        ask(header, verifier, catalogue)
    assert raised.value.reason is Reason.TOKEN_MISSING


@pytest.mark.parametrize("subject", ["disabled", "misplaced", "stranger", "CLERK", "clerk ", "clerk\x00"])
def test_a_requester_whom_the_directory_does_not_vouch_for_is_unknown(
    verifier: TokenVerifier, catalogue: Catalogue, subject: str
) -> None:
    """A perfect token is not enough: disabled, unknown and misplaced requesters are refused alike."""
    assert verifier.verify(token(sub=subject)).subject == subject
    with pytest.raises(Unauthenticated) as raised:
        ask(f"Bearer {token(sub=subject)}", verifier, catalogue)
    assert raised.value.reason is Reason.REQUESTER_UNKNOWN
    assert raised.value.detail == ""


def test_every_issuer_vouches_with_its_own_key(verifier: TokenVerifier) -> None:
    """Two issuers may be configured; each is verified with its keys."""
    other = signed(HEADER | {"kid": OTHER_KEY_ID}, CLAIMS | {"iss": OTHER_ISSUER}, OTHER_KEY)
    assert verifier.verify(other).subject == "clerk"


@pytest.mark.parametrize(
    ("claims", "good"),
    [
        ({"exp": NOW + 1}, True),
        ({"exp": NOW}, False),
        ({"iat": NOW + CLOCK_SKEW_SECONDS}, True),
        ({"iat": NOW + CLOCK_SKEW_SECONDS + 1}, False),
        ({"nbf": NOW + CLOCK_SKEW_SECONDS}, True),
        ({"nbf": NOW + CLOCK_SKEW_SECONDS + 1}, False),
        ({"iat": NOW, "exp": NOW + LIFETIME_SECONDS_MAX}, True),
        ({"iat": NOW - 1, "exp": NOW + LIFETIME_SECONDS_MAX}, False),
    ],
)
def test_times_hold_to_the_second(verifier: TokenVerifier, claims: dict[str, object], good: bool) -> None:
    """Expiry, beginning and longest life are exact; the issuer's clock may run a little ahead."""
    if good:
        assert verifier.verify(token(**claims)).expires_at == (CLAIMS | claims)["exp"]
    else:
        with pytest.raises(Unauthenticated):
            verifier.verify(token(**claims))


def test_an_issued_token_verifies(verifier: TokenVerifier) -> None:
    """What `gateway token issue` signs is what the gateway accepts."""
    issued = issue_token(
        key=KEY,
        key_id=KEY_ID,
        issuer=ISSUER,
        audience=AUDIENCE,
        subject="clerk",
        token_id="t",
        issued_at=NOW,
        lifetime_seconds=60,
    )
    claims = verifier.verify(issued)
    assert (claims.subject, claims.token_id, claims.expires_at) == ("clerk", "t", NOW + 60)


def _from_jwks(path: Path, text: str, *, algorithms: tuple[str, ...] = ("EdDSA",)) -> Issuer:
    path.write_text(text)
    return Issuer.from_jwks(path, issuer="i", audience="a", algorithms=algorithms, lifetime_seconds_max=60)


@pytest.mark.parametrize("algorithms", [(), ("none",), ("HS256",), ("EdDSA", "HS256"), ("RS1",)])
def test_only_asymmetric_algorithms_may_be_configured(tmp_path: Path, algorithms: tuple[str, ...]) -> None:
    """A configuration that would accept shared secrets or no signature does not start."""
    with pytest.raises(ValueError, match="algorithms must be among"):
        _from_jwks(tmp_path / "keys.json", jwks(KEY, "k"), algorithms=algorithms)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"keys": []}',
        '{"keys": {}}',
        '{"keys": [{"kty": "oct", "k": "c2VjcmV0", "kid": "k"}]}',
        '{"keys": [{"kty": "oct", "k": "c2VjcmV0", "kid": "k", "alg": "EdDSA"}]}',
        jwks(KEY, ""),
        jwks(KEY, "k").replace('"alg": "EdDSA"', '"alg": "ES256"'),
        json.dumps({"keys": json.loads(jwks(KEY, "same"))["keys"] + json.loads(jwks(OTHER_KEY, "same"))["keys"]}),
    ],
)
def test_a_key_file_without_usable_keys_is_refused(tmp_path: Path, text: str) -> None:
    """Broken, empty, symmetric, nameless and ambiguous key files are errors of the configuration."""
    with pytest.raises(ValueError):  # noqa: PT011 - the texts differ
        _from_jwks(tmp_path / "keys.json", text)


def test_keys_for_other_algorithms_are_left_out(tmp_path: Path) -> None:
    """A key set of an identity provider may hold keys for other uses."""
    rsa_key = rsa.generate_private_key(public_exponent=65537, key_size=2048).public_key()
    other = jwt.algorithms.RSAAlgorithm.to_jwk(rsa_key, as_dict=True) | {"kid": "rsa"}
    keys = {"keys": [*json.loads(jwks(KEY, "k"))["keys"], other, other | {"alg": "RSA-OAEP"}]}
    assert set(_from_jwks(tmp_path / "keys.json", json.dumps(keys)).keys) == {"k"}


def test_other_asymmetric_algorithms_verify(tmp_path: Path) -> None:
    """An issuer may sign with ES256 instead of EdDSA."""
    private = ec.generate_private_key(ec.SECP256R1())
    public = jwt.algorithms.ECAlgorithm.to_jwk(private.public_key(), as_dict=True) | {"kid": "k"}
    issuer = _from_jwks(tmp_path / "keys.json", json.dumps({"keys": [public]}), algorithms=("ES256",))
    verifier = TokenVerifier([issuer], clock_seconds=lambda: NOW)
    claims = CLAIMS | {"iss": "i", "aud": "a", "iat": NOW, "exp": NOW + 60}
    assert verifier.verify(jwt.encode(claims, private, algorithm="ES256", headers={"kid": "k"})).subject == "clerk"


def test_an_issuer_may_be_configured_once(tmp_path: Path) -> None:
    """A second entry for an issuer would silently replace the first, so it is an error."""
    issuer = _from_jwks(tmp_path / "keys.json", jwks(Ed25519PrivateKey.generate(), "k"))
    with pytest.raises(ValueError, match="twice"):
        TokenVerifier([issuer, issuer], clock_seconds=lambda: NOW)
