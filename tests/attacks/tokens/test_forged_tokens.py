"""Forged tokens: each is refused, and each would pass a verifier that lacks one check (its twin)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from catalog.catalogue import Catalogue
from catalog.load import load_catalogue
from gateway.authenticate import TokenVerifier, authenticate
from gateway.errors import Unauthenticated
from gateway.messages import Reason
from tests.unit.gateway.authenticate.credentials import (
    AUDIENCE,
    CLAIMS,
    DAY,
    FORGERS_KEY,
    HEADER,
    ISSUER,
    KEY,
    NOW,
    OTHER_KEY,
    OTHER_KEY_ID,
    jwks,
    make_directory,
    make_verifier,
    segment,
    signed,
    token,
)

EXPIRES = NOW + 20 * DAY
PUBLIC_KEY = KEY.public_key()
PUBLIC_RAW = PUBLIC_KEY.public_bytes(Encoding.Raw, PublicFormat.Raw)
PUBLIC_PEM = PUBLIC_KEY.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
FORGERS_JWK = json.loads(jwks(FORGERS_KEY, "key-1"))["keys"][0]


def decoded(part: str) -> Any:
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


# Twins: verifiers that lack one check. Each returns the claims that it accepts.


def defaults(forged: str) -> dict[str, Any]:
    """Call PyJWT as its documentation begins: key, algorithm, audience, issuer."""
    return jwt.decode(forged, PUBLIC_KEY, algorithms=["EdDSA"], audience=AUDIENCE, issuer=ISSUER)


def defaults_without(check: str) -> Callable[[str], dict[str, Any]]:
    def decode(forged: str) -> dict[str, Any]:
        return jwt.decode(
            forged, PUBLIC_KEY, algorithms=["EdDSA"], audience=AUDIENCE, issuer=ISSUER, options={check: False}
        )

    return decode


def without_audience(forged: str) -> dict[str, Any]:
    return jwt.decode(forged, PUBLIC_KEY, algorithms=["EdDSA"], issuer=ISSUER, options={"verify_aud": False})


def without_issuer(forged: str) -> dict[str, Any]:
    return jwt.decode(forged, PUBLIC_KEY, algorithms=["EdDSA"], audience=AUDIENCE)


def any_key_of_any_issuer(forged: str) -> dict[str, Any]:
    for key in (PUBLIC_KEY, OTHER_KEY.public_key()):
        try:
            return jwt.decode(forged, key, algorithms=["EdDSA"], audience=AUDIENCE)
        except jwt.InvalidSignatureError:
            continue
    raise AssertionError("no key fits")


def unsigned(forged: str) -> dict[str, Any]:
    header, claims, _ = forged.split(".")
    assert decoded(header)["alg"].lower() == "none"
    return decoded(claims)


def trusts_the_algorithm_of_the_header(key: bytes) -> Callable[[str], dict[str, Any]]:
    def decode(forged: str) -> dict[str, Any]:
        text, _, signature = forged.rpartition(".")
        header, claims = text.split(".")
        assert decoded(header)["alg"] == "HS256"
        expected = segment(hmac.digest(key, text.encode(), hashlib.sha256))
        assert hmac.compare_digest(expected, signature)
        return decoded(claims)

    return decode


def takes_the_key_that_the_header_names(forged: str) -> dict[str, Any]:
    """Use the header's own key, or fetch it from where the header says."""
    header = jwt.get_unverified_header(forged)
    if "jwk" in header:
        key = jwt.PyJWK(header["jwk"])
    else:
        where = header.get("jku") or header.get("x5u") or "file://" + header["kid"]
        key = jwt.PyJWKSet.from_json(Path(where.removeprefix("file://")).read_text()).keys[0]
    return jwt.decode(forged, key, algorithms=["EdDSA"], audience=AUDIENCE, issuer=ISSUER)


def only_the_signature(forged: str) -> dict[str, Any]:
    text, _, signature = forged.rpartition(".")
    PUBLIC_KEY.verify(base64.urlsafe_b64decode(signature + "=="), text.encode())
    return decoded(text.split(".")[1])


def drops_what_it_cannot_read(forged: str) -> dict[str, Any]:
    cleaned = "".join(forged.encode("ascii", "ignore").decode().split())
    return defaults(".".join(part.rstrip("=") for part in cleaned.split(".")[:3]))


def _hs256(key: bytes) -> str:
    text = f"{segment(json.dumps(HEADER | {'alg': 'HS256'}).encode())}.{segment(json.dumps(CLAIMS).encode())}"
    return f"{text}.{segment(hmac.digest(key, text.encode(), hashlib.sha256))}"


def _none(spelling: str) -> str:
    header = segment(json.dumps(HEADER | {"alg": spelling}).encode())
    return f"{header}.{segment(json.dumps(CLAIMS).encode())}."


def _doubled(values: dict[str, object], name: str, second: object) -> str:
    """Return JSON in which `name` stands twice: as it was, then with another value."""
    return f'{json.dumps(values)[:-1]}, "{name}": {json.dumps(second)}}}'


@dataclass(frozen=True)
class Forgery:
    name: str
    forged: str
    twin: Callable[[str], dict[str, Any]]


def _claim(name: str, twin: Callable[[str], dict[str, Any]] = defaults, **claims: object) -> Forgery:
    return Forgery(name, token(**claims), twin)


def _header(name: str, twin: Callable[[str], dict[str, Any]] = defaults, **header: object) -> Forgery:
    return Forgery(name, token(header=header), twin)


GOOD = token()
FORGERIES = [
    *(Forgery(f"algorithm {s}", _none(s), unsigned) for s in ("none", "None", "NONE", "nOnE")),
    Forgery("HS256 with the key's bytes", _hs256(PUBLIC_RAW), trusts_the_algorithm_of_the_header(PUBLIC_RAW)),
    Forgery("HS256 with the key's PEM", _hs256(PUBLIC_PEM), trusts_the_algorithm_of_the_header(PUBLIC_PEM)),
    Forgery("HS256 without a key", _hs256(b""), trusts_the_algorithm_of_the_header(b"")),
    Forgery(
        "own key in jwk",
        signed(HEADER | {"jwk": FORGERS_JWK}, CLAIMS, FORGERS_KEY),
        takes_the_key_that_the_header_names,
    ),
    Forgery("no key id", signed({"alg": "EdDSA", "typ": "JWT"}, CLAIMS), defaults),
    _header("empty key id", kid=""),
    _header("unknown key id", kid="key-9"),
    _header("key id as number", only_the_signature, kid=1),
    _header("key id as list", only_the_signature, kid=["key-1"]),
    _header("key of another issuer", kid=OTHER_KEY_ID),
    Forgery("another issuer's key", signed(HEADER | {"kid": OTHER_KEY_ID}, CLAIMS, OTHER_KEY), any_key_of_any_issuer),
    _claim("wrong audience", without_audience, aud="other-service"),
    _claim("audience as list", aud=[AUDIENCE]),
    _claim("audience among others", aud=["other-service", AUDIENCE]),
    _claim("audience null", without_audience, aud=None),
    Forgery("no audience", token(without="aud"), without_audience),
    _claim("wrong issuer", without_issuer, iss="evil"),
    _claim("issuer with a slash", without_issuer, iss=ISSUER + "/"),
    _claim("issuer as list", only_the_signature, iss=[ISSUER]),
    Forgery("no issuer", token(without="iss"), without_issuer),
    *(_header(f"type {typ}", typ=typ) for typ in ("at+jwt", "JWE", "secevent+jwt", "", None, 1, ["JWT"])),
    _claim("expiry as text", exp=str(EXPIRES)),
    Forgery("expiry 1e30", signed(HEADER, json.dumps(CLAIMS).replace(str(CLAIMS["exp"]), "1e30")), defaults),
    _claim("expiry 10^30", exp=10**30),
    _claim("expiry as float", exp=EXPIRES + 0.0),
    _claim("expiry true", defaults_without("verify_exp"), exp=True),
    _claim("expiry null", only_the_signature, exp=None),
    Forgery("expiry NaN", signed(HEADER, json.dumps(CLAIMS | {"exp": float("nan")})), only_the_signature),
    Forgery("expiry infinite", signed(HEADER, json.dumps(CLAIMS | {"exp": float("inf")})), only_the_signature),
    _claim("expiry negative", defaults_without("verify_exp"), exp=-1),
    Forgery("no expiry", token(without="exp"), defaults),
    _claim("expired", defaults_without("verify_exp"), exp=NOW - 1),
    Forgery("no issue time", token(without="iat"), defaults),
    _claim("issue time as float", iat=NOW - 10.5),
    _claim("issue time as text", only_the_signature, iat=str(NOW - 10)),
    _claim("issued in the future", defaults_without("verify_iat"), iat=NOW + 10 * DAY),
    _claim("issued after it expires", only_the_signature, iat=NOW + 20, exp=NOW + 10),
    _claim("not valid yet", defaults_without("verify_nbf"), nbf=NOW + 10 * DAY),
    _claim("beginning as text", nbf=str(NOW - 10)),
    _claim("beginning as float", nbf=NOW - 0.5),
    _claim("beginning true", nbf=True),
    _claim("over-long life", exp=NOW + 10 * 365 * 86_400),
    _claim("life hidden by an old issue time", iat=0),
    _claim("empty subject", sub=""),
    _claim("subject null", only_the_signature, sub=None),
    _claim("subject as number", only_the_signature, sub=1),
    _claim("subject as list", only_the_signature, sub=["clerk"]),
    _claim("subject of 257 letters", sub="c" * 257),
    Forgery("no subject", token(without="sub"), defaults),
    Forgery("no token id", token(without="jti"), defaults),
    _claim("empty token id", jti=""),
    _claim("token id as number", only_the_signature, jti=7),
    Forgery("subject twice", signed(HEADER, _doubled(CLAIMS | {"sub": "nobody"}, "sub", "clerk")), defaults),
    Forgery("expiry twice", signed(HEADER, _doubled(CLAIMS | {"exp": 1}, "exp", EXPIRES)), defaults),
    Forgery("a nested name twice", signed(HEADER, json.dumps(CLAIMS)[:-1] + ', "x": {"a": 1, "a": 2}}'), defaults),
    Forgery("key id twice", signed(_doubled(HEADER | {"kid": "key-9"}, "kid", "key-1"), CLAIMS), defaults),
    Forgery("algorithm twice", signed(_doubled(HEADER | {"alg": "none"}, "alg", "EdDSA"), CLAIMS), defaults),
    _header("critical extension", only_the_signature, crit=["exp"], exp=1),
    _header("critical extension that PyJWT knows", crit=["b64"], b64=True),
    _header("empty list of critical extensions", only_the_signature, crit=[]),
    _claim("token of 9 KiB", padding="x" * 9000),
    Forgery("claims as list", signed(HEADER, json.dumps([CLAIMS])), lambda forged: only_the_signature(forged)[0]),
    Forgery("zero-width character", GOOD + "\u200b", drops_what_it_cannot_read),
    Forgery("letter beyond ASCII", "é" + GOOD, drops_what_it_cannot_read),
    Forgery("line break", GOOD.replace(".", ".\n", 1), drops_what_it_cannot_read),
    Forgery("fourth segment", GOOD + ".x", drops_what_it_cannot_read),
]


@pytest.fixture(scope="module")
def verifier(tmp_path_factory: pytest.TempPathFactory) -> TokenVerifier:
    return make_verifier(tmp_path_factory.mktemp("keys"))


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue()


def refused(forged: str, verifier: TokenVerifier) -> Unauthenticated:
    with pytest.raises(Unauthenticated) as raised:
        verifier.verify(forged)
    return raised.value


@pytest.mark.parametrize("forgery", FORGERIES, ids=lambda forgery: forgery.name)
def test_a_forged_token_is_refused(verifier: TokenVerifier, forgery: Forgery) -> None:
    """Every forgery ends as the same public error, which says nothing of what was wrong."""
    error = refused(forgery.forged, verifier)
    assert error.reason is Reason.TOKEN_INVALID
    assert error.status is grpc.StatusCode.UNAUTHENTICATED
    assert error.detail == ""
    assert (error.message.zh, error.message.en) == ("令牌无效或已过期。", "The token is invalid or has expired.")


@pytest.mark.parametrize("forgery", FORGERIES, ids=lambda forgery: forgery.name)
def test_twin_a_verifier_without_that_check_accepts_the_forgery(forgery: Forgery) -> None:
    """The forgeries are good but for one thing: a verifier that does not look at it takes them."""
    claims = forgery.twin(forgery.forged)
    assert claims.get("sub", "clerk") in ("clerk", "", None, 1, ["clerk"], "c" * 257)


def test_the_good_token_is_accepted(verifier: TokenVerifier) -> None:
    """What the forgeries differ from is good."""
    assert verifier.verify(GOOD).subject == "clerk"
    assert verifier.verify(signed({"alg": "EdDSA", "kid": "key-1"}, CLAIMS)).subject == "clerk"


@pytest.mark.parametrize("field", ["jku", "x5u", "kid"])
def test_a_key_from_where_the_header_says_is_never_fetched(verifier: TokenVerifier, tmp_path: Path, field: str) -> None:
    """Keys come from the configuration only; the twin reads the forger's own file."""
    (tmp_path / "keys.json").write_text(jwks(FORGERS_KEY, "key-1"))
    where = str(tmp_path / "keys.json") if field == "kid" else f"file://{tmp_path}/keys.json"
    forged = signed(HEADER | {field: where}, CLAIMS, FORGERS_KEY)
    assert refused(forged, verifier).reason is Reason.TOKEN_INVALID
    assert takes_the_key_that_the_header_names(forged)["sub"] == "clerk"


def test_a_changed_or_foreign_signature_is_refused(verifier: TokenVerifier) -> None:
    """Tokens of another key, with exchanged claims, or without their signature are refused."""
    head, _, tail = GOOD.split(".")
    for forged in (
        signed(HEADER, CLAIMS, FORGERS_KEY),
        f"{head}.{segment(json.dumps(CLAIMS | {'sub': 'auditor'}).encode())}.{tail}",
        f"{head}.{GOOD.split('.')[1]}.",
        f"{head}.{GOOD.split('.')[1]}.{segment(bytes(64))}",
    ):
        assert refused(forged, verifier).reason is Reason.TOKEN_INVALID


@pytest.mark.parametrize("position", ["header", "claims"])
def test_deep_json_is_refused_and_does_not_exhaust_the_stack(verifier: TokenVerifier, position: str) -> None:
    """Twin: Python's own parser gives up with an error that nobody expects of a token."""
    deep = '{"x": ' + "[" * 2500 + "]" * 2500 + "}"
    with pytest.raises(RecursionError):
        json.loads(deep)
    forged = signed(deep, CLAIMS) if position == "header" else signed(HEADER, deep)
    assert refused(forged, verifier).reason is Reason.TOKEN_INVALID


@pytest.mark.parametrize("text", ["", ".", "..", "...", "a.b.c", "e30.e30.", "\x00", "=.=.=", "🔑.🔑.🔑", "e30" * 3000])
def test_garbage_is_refused(verifier: TokenVerifier, text: str) -> None:
    """Text that is no token at all is refused like a forged one."""
    assert refused(text, verifier).reason is Reason.TOKEN_INVALID


@pytest.mark.parametrize(
    "header",
    [
        f"Bearer{GOOD}",
        f"Bearer\t{GOOD}",
        f"Bearer:{GOOD}",
        f"Bearer,{GOOD}",
        f" Bearer {GOOD}",
        f"Token {GOOD}",
        f"Bearer token={GOOD}",
        f"Bearer Bearer {GOOD}",
        f"Bearer {GOOD} {GOOD}",
        f"Bearer {GOOD}, Bearer {GOOD}",
        f'Bearer "{GOOD}"',
        f"Вearer {GOOD}",
        f"Ｂｅａｒｅｒ {GOOD}",
        f"Bearer\u00a0{GOOD}",
        GOOD,
    ],
)
def test_an_odd_authorization_header_is_refused(verifier: TokenVerifier, catalogue: Catalogue, header: str) -> None:
    """Only `Bearer`, one space and a token will do; the twin searches the header for anything like a token."""
    with pytest.raises(Unauthenticated) as raised:
        authenticate(header, verifier=verifier, directory=make_directory(), catalogue=catalogue)
    assert raised.value.reason in (Reason.TOKEN_MISSING, Reason.TOKEN_INVALID)
    found = re.search(r"eyJ[\w-]*\.eyJ[\w-]*\.[\w-]+", header)
    assert found is not None
    assert verifier.verify(found.group()).subject == "clerk"
