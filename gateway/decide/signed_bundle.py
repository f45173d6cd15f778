"""Signed OPA bundles: policies and data in one file, which OPA and the gateway both verify.

The file is a `.tar.gz` with `.manifest`, `data.json`, Rego modules and `.signatures.json`, a JWT (ES256) over the SHA-256 of
every other file (https://www.openpolicyagent.org/docs/management-bundles#signing). OPA hashes JSON files in canonical form;
these are written in it, so that their bytes have the same hash. The archive is a function of what it holds: one that differs
in any byte from what `encode_bundle` writes is refused, which leaves no second reading of it to another parser.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import re
import tarfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, EllipticCurvePublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

from gateway.decide.bundle import LABEL_MODULE, PolicyBundle, canonical
from gateway.decide.strict_json import parse_strict
from gateway.errors import Unavailable
from gateway.model.policy import Refusal

FILE_BYTES_MAX = 16 << 20
CONTENT_BYTES_MAX = 64 << 20
_MEMBERS_MAX = 1_000
_ALGORITHM = "ES256"
_MANIFEST, _DATA, _SIGNATURES = "/.manifest", "/data.json", "/.signatures.json"
_MODULE = re.compile(r"([a-z0-9_]+/)*[a-z0-9_]+\.rego")


class BundleRefused(Exception):
    """A bundle must not decide.

    Args:
        reason: Why.
        detail: For operators.
        revision: Of the bundle, once it is known to be what was signed.
        sequence: Of the bundle, likewise.
    """

    def __init__(
        self, reason: Refusal, detail: str, *, revision: str | None = None, sequence: int | None = None
    ) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail
        self.revision = revision
        self.sequence = sequence


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedBundle:
    """A bundle as its builder numbered it."""

    bundle: PolicyBundle
    sequence: int
    """Higher than that of every bundle it replaces; at least 1."""
    built_at: str
    """ISO 8601, UTC."""


def encode_bundle(signed: SignedBundle, *, key: EllipticCurvePrivateKey) -> bytes:
    """Return the file of a bundle, signed."""
    members = _members(signed)
    files = [
        {"name": name[1:], "hash": hashlib.sha256(content).hexdigest(), "algorithm": "SHA-256"}
        for name, content in sorted(members.items())
    ]
    return gzip.compress(_archive(members, token=jwt.encode({"files": files}, key, algorithm=_ALGORITHM)), mtime=0)


def decode_bundle(content: bytes, *, key: EllipticCurvePublicKey) -> SignedBundle:
    """Return the bundle in a file that `encode_bundle` wrote with the private half of `key`.

    Raises:
        BundleRefused: `UNREADABLE` or `SIGNATURE`.
    """
    archive = _unzipped(content)
    members = _extracted(archive)
    token = _verified(members, key=key)
    try:
        signed = _signed_bundle(members)
        written = _archive(_members(signed), token=token)
    except (KeyError, TypeError, ValueError, Unavailable) as error:
        raise BundleRefused(Refusal.UNREADABLE, f"not a bundle of `gateway policy build`: {error!r}") from error
    if archive != written:
        raise BundleRefused(Refusal.UNREADABLE, "not byte for byte a bundle of `gateway policy build`")
    return signed


def load_signing_key(pem: bytes) -> EllipticCurvePrivateKey:
    """Return the private key that signs bundles.

    Raises:
        ValueError: It is not an unencrypted P-256 key.
    """
    key = load_pem_private_key(pem, password=None)
    if not isinstance(key, EllipticCurvePrivateKey) or not isinstance(key.curve, SECP256R1):
        raise ValueError("不是 P-256 私钥 / not a P-256 private key")
    return key


def load_verification_key(pem: bytes) -> EllipticCurvePublicKey:
    """Return the public key that bundles are verified with.

    Raises:
        ValueError: It is not a P-256 key.
    """
    key = load_pem_public_key(pem)
    if not isinstance(key, EllipticCurvePublicKey) or not isinstance(key.curve, SECP256R1):
        raise ValueError("不是 P-256 公钥 / not a P-256 public key")
    return key


def _members(signed: SignedBundle) -> dict[str, bytes]:
    bundle = signed.bundle
    manifest = {
        "revision": bundle.revision,
        "roots": ["sharing", *sorted(bundle.data)],
        "rego_version": 1,
        "metadata": {"sequence": signed.sequence, "built_at": signed.built_at},
    }
    modules = {f"/{name}": source.encode() for name, source in bundle.served_modules.items()}
    return {_MANIFEST: canonical(manifest), _DATA: canonical(bundle.data), **modules}


def _archive(members: Mapping[str, bytes], *, token: str) -> bytes:
    members = {**members, _SIGNATURES: canonical({"signatures": [token]})}
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, content in sorted(members.items()):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return file.getvalue()


def _unzipped(content: bytes) -> bytes:
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(content)) as file:
            archive = file.read(CONTENT_BYTES_MAX + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise BundleRefused(Refusal.UNREADABLE, f"not a gzip file: {error}") from error
    if len(content) > FILE_BYTES_MAX or len(archive) > CONTENT_BYTES_MAX:
        raise BundleRefused(Refusal.UNREADABLE, "too large")
    return archive


def _extracted(archive: bytes) -> dict[str, bytes]:
    members: dict[str, bytes] = {}
    try:
        with tarfile.open(fileobj=io.BytesIO(archive), mode="r:") as opened:
            for member in opened:
                content = opened.extractfile(member) if member.isreg() else None
                if content is None or member.name in members or len(members) == _MEMBERS_MAX:
                    raise BundleRefused(Refusal.UNREADABLE, "a member is repeated, no file, or one too many")
                members[member.name] = content.read()
    except tarfile.TarError as error:
        raise BundleRefused(Refusal.UNREADABLE, f"not a tar archive: {error}") from error
    return members


def _verified(members: Mapping[str, bytes], *, key: EllipticCurvePublicKey) -> str:
    """Return the one signature by `key`, which states the hash of every file and of no other. Raises BundleRefused."""
    try:
        held: Any = parse_strict(members[_SIGNATURES])
        token: str
        (token,) = held["signatures"]
        files = jwt.decode(token, key, algorithms=[_ALGORITHM])["files"]
        stated = {file["name"]: file["hash"] for file in files if file["algorithm"] == "SHA-256"}
    except (KeyError, TypeError, ValueError, Unavailable, jwt.InvalidTokenError) as error:
        raise BundleRefused(Refusal.SIGNATURE, f"not signed by the key: {error!r}") from error
    found = {name[1:]: hashlib.sha256(content).hexdigest() for name, content in members.items() if name != _SIGNATURES}
    if stated != found or len(files) != len(found):
        raise BundleRefused(Refusal.SIGNATURE, "its files are not those that were signed")
    return token


def _signed_bundle(members: Mapping[str, bytes]) -> SignedBundle:
    manifest: Any = parse_strict(members[_MANIFEST])
    data: Any = parse_strict(members[_DATA])
    sequence, built_at = manifest["metadata"]["sequence"], manifest["metadata"]["built_at"]
    if not isinstance(data, dict) or type(sequence) is not int or sequence < 1 or not isinstance(built_at, str):
        raise ValueError("its data, sequence or time is malformed")
    modules = {
        name[1:]: content.decode() for name, content in members.items() if name not in (_MANIFEST, _DATA, _SIGNATURES)
    }
    if not all(_MODULE.fullmatch(name) for name in modules):
        raise ValueError("a file is no module")
    modules.pop(LABEL_MODULE)
    return SignedBundle(bundle=PolicyBundle(modules=modules, data=data), sequence=sequence, built_at=built_at)
