"""Signed bundles: the gateway and OPA take the same file, and neither takes another."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path

import jwt
import pytest
import requests
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from gateway.decide import (
    PolicyBundle,
    SignedBundle,
    encode_bundle,
    load_signing_key,
    load_verification_key,
)
from gateway.decide.opa_server import OpaServerPdp
from gateway.decide.signed_bundle import BundleRefused, decode_bundle
from gateway.model.policy import Refusal
from tests.opa_binary import opa_binary, running_opa

KEY = ec.generate_private_key(ec.SECP256R1())
POLICY = PolicyBundle(
    modules={"sharing/access/access.rego": "package sharing.access\n\ndecision := input.x + data.catalog.one\n"},
    data={"catalog": {"one": 1, "text": 'a\u2028<&>"\\\b\f\n\u0001\u007f 文字'}},
)
SIGNED = SignedBundle(bundle=POLICY, sequence=3, built_at="2026-01-01T00:00:00+00:00")

Members = dict[str, bytes]


def unpacked(content: bytes) -> Members:
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(content))) as archive:
        return {member.name: archive.extractfile(member).read() for member in archive}  # type: ignore[union-attr]


def packed(members: list[tuple[str, bytes]], *, kind: bytes = tarfile.REGTYPE) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, content in members:
            member = tarfile.TarInfo(name)
            member.size = len(content)
            member.type = kind if name.endswith(".rego") else tarfile.REGTYPE
            archive.addfile(member, io.BytesIO(content))
    return gzip.compress(file.getvalue(), mtime=0)


def signed_anew(members: Members, *, key: object = KEY, algorithm: str = "ES256") -> bytes:
    """Sign changed members, as only the holder of the key can."""
    rest = {name: content for name, content in members.items() if name != "/.signatures.json"}
    files = [
        {"name": name[1:], "hash": hashlib.sha256(content).hexdigest(), "algorithm": "SHA-256"}
        for name, content in sorted(rest.items())
    ]
    token = jwt.encode({"files": files}, key, algorithm=algorithm)  # type: ignore[arg-type]
    signatures = json.dumps({"signatures": [token]}, separators=(",", ":")).encode()
    return packed(sorted((rest | {"/.signatures.json": signatures}).items()))


def refusal(content: bytes) -> Refusal:
    with pytest.raises(BundleRefused) as caught:
        decode_bundle(content, key=KEY.public_key())
    return caught.value.reason


def write_key(folder: Path) -> Path:
    path = folder / "policy-key.pem"
    path.write_bytes(KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    return path


def with_opa(path: Path, key: Path) -> tuple[str, ...]:
    return ("--bundle", str(path), "--verification-key", str(key), "--signing-alg", "ES256")


def test_what_was_built_is_what_is_read() -> None:
    """Policies, data, sequence and time come back; the revision is that of the content."""
    read = decode_bundle(encode_bundle(SIGNED, key=KEY), key=KEY.public_key())
    assert read == SIGNED
    assert read.bundle.revision == POLICY.revision


def test_what_is_signed_is_reproducible() -> None:
    """Everything but the signature itself, which ECDSA makes random, is the same for the same bundle."""
    first, second = (unpacked(encode_bundle(SIGNED, key=KEY)) for _ in range(2))
    assert {k: v for k, v in first.items() if k != "/.signatures.json"} == {
        k: v for k, v in second.items() if k != "/.signatures.json"
    }
    manifest = json.loads(first["/.manifest"])
    assert manifest["revision"] == POLICY.revision
    assert manifest["metadata"] == {"sequence": 3, "built_at": SIGNED.built_at}


def test_another_key_is_refused() -> None:
    """Only the configured key signs policies."""
    assert refusal(encode_bundle(SIGNED, key=ec.generate_private_key(ec.SECP256R1()))) is Refusal.SIGNATURE


@pytest.mark.parametrize("algorithm", ["none", "HS256", "RS256"])
def test_another_algorithm_is_refused(algorithm: str) -> None:
    """The algorithm is pinned: no unsigned token, none signed with the public key as a secret, no other kind of key."""
    rsa_key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    key = {"none": None, "HS256": "public key as a secret" * 3, "RS256": rsa_key}[algorithm]
    members = unpacked(encode_bundle(SIGNED, key=KEY))
    assert refusal(signed_anew(members, key=key, algorithm=algorithm)) is Refusal.SIGNATURE


def test_an_unsigned_bundle_is_refused() -> None:
    """No signature, an empty list and two signatures are no signature."""
    members = unpacked(encode_bundle(SIGNED, key=KEY))
    (token,) = json.loads(members["/.signatures.json"])["signatures"]
    for signatures in ([], [token, token], None):
        changed = members | {"/.signatures.json": json.dumps({"signatures": signatures}).encode()}
        assert refusal(packed(sorted(changed.items()))) is Refusal.SIGNATURE
    del members["/.signatures.json"]
    assert refusal(packed(sorted(members.items()))) is Refusal.SIGNATURE


def test_every_file_is_covered_and_no_other() -> None:
    """A changed, an extra and a missing file are found, whichever it is."""
    members = unpacked(encode_bundle(SIGNED, key=KEY))
    for name in members:
        assert refusal(packed(sorted((members | {name: members[name] + b" "}).items()))) in Refusal
        assert refusal(packed(sorted((k, v) for k, v in members.items() if k != name))) is Refusal.SIGNATURE
    assert refusal(packed(sorted((members | {"/sharing/x.rego": b"package x\n"}).items()))) is Refusal.SIGNATURE


def test_any_changed_byte_is_refused() -> None:
    """Wherever a bit of the archive is flipped, nothing is loaded. A sample of the positions; gzip's header is not content."""
    content = encode_bundle(SIGNED, key=KEY)
    archive = gzip.decompress(content)
    for position in range(0, len(archive), 97):
        changed = archive[:position] + bytes([archive[position] ^ 1]) + archive[position + 1 :]
        assert refusal(gzip.compress(changed)) in Refusal


@pytest.mark.parametrize(
    "change",
    [
        lambda m: m | {"/../../etc/x.rego": b"package x\n"},
        lambda m: m | {"/sharing/../x.rego": b"package x\n"},
        lambda m: m | {"sharing/x.rego": b"package x\n"},
        lambda m: m | {"/extra/data.json": b"{}"},
        lambda m: m | {"/policy.wasm": b"\x00asm"},
        lambda m: m | {"/sharing/answer/answer.rego": b'package sharing.answer\n\nlabelled := "forged"\n'},
        lambda m: m | {"/.manifest": m["/.manifest"].replace(b'"sequence":3', b'"sequence":0')},
        lambda m: m | {"/.manifest": m["/.manifest"].replace(b'"sequence":3', b'"sequence":true')},
        lambda m: m | {"/.manifest": m["/.manifest"].replace(b'"sequence":3', b'"sequence":3,"x":1')},
        lambda m: m | {"/.manifest": m["/.manifest"].replace(POLICY.revision.encode(), b"0" * 16)},
        lambda m: m | {"/data.json": m["/data.json"] + b" "},
        lambda m: m | {"/data.json": m["/data.json"].replace(b'{"one"', b'{"one":1,"one"')},
        lambda m: m | {"/data.json": b"[]"},
    ],
)
def test_what_the_builder_does_not_write_is_refused_although_it_is_signed(change: Callable[[Members], Members]) -> None:
    """Paths that climb, second documents, a forged label, a wrong revision and loose JSON are no bundle of ours."""
    members = change(unpacked(encode_bundle(SIGNED, key=KEY)))
    assert refusal(signed_anew(members)) is Refusal.UNREADABLE


def test_links_repeated_members_and_bytes_behind_the_archive_are_refused() -> None:
    """Two parsers cannot read two different things from one file."""
    members = sorted(unpacked(encode_bundle(SIGNED, key=KEY)).items())
    assert refusal(packed(members, kind=tarfile.SYMTYPE)) is Refusal.UNREADABLE
    assert refusal(packed([*members, members[-1]])) is Refusal.UNREADABLE
    archive = gzip.decompress(encode_bundle(SIGNED, key=KEY))
    assert refusal(gzip.compress(archive + archive)) is Refusal.UNREADABLE
    assert refusal(gzip.compress(archive) + gzip.compress(b"\0" * 512)) is Refusal.UNREADABLE


@pytest.mark.parametrize(
    "content",
    [b"", b"\x1f\x8b", b"not a bundle", gzip.compress(b"x" * 100), gzip.compress(b"")],
    ids=["empty", "magic only", "text", "zipped text", "zipped nothing"],
)
def test_garbage_is_refused(content: bytes) -> None:
    """A file that is no archive is refused with a reason, not an exception of a parser."""
    assert refusal(content) in Refusal


def test_a_bundle_that_expands_without_bound_is_refused() -> None:
    """A small file of a hundred megabytes of zeros is given up at the bound."""
    assert refusal(gzip.compress(b"\0" * (100 << 20))) is Refusal.UNREADABLE


def test_only_p256_keys_sign_and_verify() -> None:
    """What OPA could not verify is not a key."""
    other = ec.generate_private_key(ec.SECP384R1())
    with pytest.raises(ValueError, match="P-256"):
        load_signing_key(other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    with pytest.raises(ValueError, match="P-256"):
        load_verification_key(other.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))


@pytest.mark.opa
def test_an_opa_server_verifies_and_serves_the_same_file(tmp_path: Path) -> None:
    """OPA takes the file with the same key, hashes it alike, and labels its answers with its revision."""
    path, key = tmp_path / "bundle.tar.gz", write_key(tmp_path)
    path.write_bytes(encode_bundle(SIGNED, key=KEY))
    with running_opa(*with_opa(path, key)) as url:
        pdp = OpaServerPdp(url, bundle=POLICY)
        evaluation = pdp.evaluate({"x": 41}, deadline_seconds=100)
        pdp.close()
        held = requests.get(f"{url}/v1/data/catalog", timeout=100).json()["result"]
    assert (evaluation.answer, evaluation.revision) == (42, POLICY.revision)
    assert held == POLICY.data["catalog"]


@pytest.mark.opa
@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("/sharing/access/access.rego", b"input.x", b"input.y"),
        ("/data.json", b'"one":1', b'"one":2'),
        ("/.manifest", b'"sequence":3', b'"sequence":9'),
        ("/.signatures.json", b'{"signatures":["eyJ', b'{"signatures":["eyK'),
    ],
)
def test_opa_and_the_gateway_refuse_a_changed_byte(tmp_path: Path, name: str, old: bytes, new: bytes) -> None:
    """In whichever file the byte is."""
    members = unpacked(encode_bundle(SIGNED, key=KEY))
    assert old in members[name]
    changed = packed(sorted((members | {name: members[name].replace(old, new)}).items()))
    assert refusal(changed) is Refusal.SIGNATURE
    path, key = tmp_path / "bundle.tar.gz", write_key(tmp_path)
    path.write_bytes(changed)
    command = [opa_binary(), "run", "--server", "--addr", "127.0.0.1:0", *with_opa(path, key)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=200)
    assert run.returncode != 0
    assert "load error" in run.stderr + run.stdout or "bundle" in run.stderr + run.stdout
