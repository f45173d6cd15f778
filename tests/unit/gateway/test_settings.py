"""Settings: one file, every mistake told at once."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from gateway.settings import PolicySettings, Settings

MINIMAL = """\
requesters = "requesters.yaml"
audit_directory = "audit"
audit_key = "keys/audit.pem"
grant_key = "keys/grant.pem"
pseudonym_secret = "/run/secrets/pseudonym"
subject_key = "keys/subject.secret"
registry_url = "sqlite:///registry.db"

[[issuers]]
issuer = "i"
audience = "a"
jwks = "keys/jwks.json"

[connectors]
"""
PLAINTEXT = f"{MINIMAL}plaintext = true\n"
FULL = f"""\
listen = "0.0.0.0:443"
catalogue = "entries"
policies = "/srv/policies"
streams_max = 3
query_seconds_max = 1.5
{MINIMAL}
ca = "../ca.pem"
certificate = "tls/gateway.pem"
private_key = "tls/gateway.key"

[policy]
engine = "opa"
opa_url = "http://127.0.0.1:1"

[tls]
certificate = "tls/server.pem"
private_key = "tls/server.key"
"""


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SHARING_LISTEN", "SHARING_REGISTRY_URL", "SHARING_POLICY__SECONDS_MAX"):
        monkeypatch.delenv(name, raising=False)


def load(folder: Path, text: str) -> Settings:
    (folder / "gateway.toml").write_text(text, "utf-8")
    return Settings.load(folder / "gateway.toml")


def problems(folder: Path, text: str) -> set[tuple[str, str]]:
    with pytest.raises(ValidationError) as raised:
        load(folder, text)
    return {(".".join(map(str, error["loc"])), error["type"]) for error in raised.value.errors()}


def test_a_small_file_is_enough(tmp_path: Path) -> None:
    """What has a sensible default need not be written."""
    settings = load(tmp_path, PLAINTEXT)
    assert (settings.listen, settings.streams_max, settings.policy.engine) == ("127.0.0.1:8815", 16, "embedded")
    assert (settings.catalogue, settings.policies, settings.tls) == (None, None, None)
    assert settings.issuers[0].algorithms == ("EdDSA",)


def test_relative_paths_start_at_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever the server is started, paths mean the same, in nested parts and lists too; absolute ones stay."""
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    (tmp_path / "gateway.toml").write_text(FULL)
    settings = Settings.load(Path("../gateway.toml"))
    root = tmp_path.resolve()
    assert settings.requesters == root / "requesters.yaml"
    assert settings.catalogue == root / "entries"
    assert settings.policies == Path("/srv/policies")
    assert settings.pseudonym_secret == Path("/run/secrets/pseudonym")
    assert settings.issuers[0].jwks == root / "keys/jwks.json"
    assert settings.tls is not None
    assert settings.tls.certificate == root / "tls/server.pem"
    assert settings.connectors.certificate == root / "tls/gateway.pem"
    assert settings.connectors.ca is not None
    assert settings.connectors.ca.resolve() == root.parent / "ca.pem"
    assert settings.registry_url == "sqlite:///registry.db"
    assert settings.policy.engine == "opa"


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    """Missing, mistyped and unknown keys come in one error, with where they are."""
    text = """\
listen = 5
streams_max = 0
query_seconds_max = 0
surprise = true

[[issuers]]
issuer = "i"
lifetime_seconds_max = 1

[policy]
engine = "guess"
opa_uri = "x"
"""
    assert problems(tmp_path, text) == {
        ("listen", "string_type"),
        ("streams_max", "greater_than_equal"),
        ("query_seconds_max", "greater_than"),
        ("surprise", "extra_forbidden"),
        ("issuers", "too_short"),
        ("issuers.0.audience", "missing"),
        ("issuers.0.jwks", "missing"),
        ("issuers.0.lifetime_seconds_max", "greater_than_equal"),
        ("policy.engine", "literal_error"),
        ("policy.opa_uri", "extra_forbidden"),
        *((name, "missing") for name in ("requesters", "audit_directory", "audit_key", "grant_key")),
        ("pseudonym_secret", "missing"),
        ("subject_key", "missing"),
        ("registry_url", "missing"),
        ("connectors", "missing"),
    }


def test_a_gateway_without_issuers_is_refused(tmp_path: Path) -> None:
    """Nobody could ask anything."""
    text = "connectors = { plaintext = true }\n" + MINIMAL[: MINIMAL.index("[[issuers]]")]
    assert problems(tmp_path, text) == {("issuers", "missing")}
    assert problems(tmp_path, "issuers = []\n" + text) == {("issuers", "too_short")}


def test_the_environment_overrides_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`SHARING_…` wins, also inside parts; relative paths from there start at the file as well."""
    monkeypatch.setenv("SHARING_LISTEN", "127.0.0.1:9")
    monkeypatch.setenv("SHARING_POLICY__ENGINE", "embedded")
    monkeypatch.setenv("SHARING_GRANT_KEY", "other.pem")
    monkeypatch.setenv("SHARING_ISSUERS", json.dumps([{"issuer": "e", "audience": "a", "jwks": "e.json"}]))
    settings = load(tmp_path, FULL)
    assert settings.listen == "127.0.0.1:9"
    assert (settings.policy.engine, settings.policy.opa_url) == ("embedded", "http://127.0.0.1:1")
    assert settings.grant_key == tmp_path.resolve() / "other.pem"
    assert [(issuer.issuer, issuer.jwks) for issuer in settings.issuers] == [("e", tmp_path.resolve() / "e.json")]


def test_a_wrong_value_in_the_environment_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment is checked like the file."""
    monkeypatch.setenv("SHARING_STREAMS_MAX", "many")
    assert problems(tmp_path, PLAINTEXT) == {("streams_max", "int_parsing")}


@pytest.mark.parametrize(
    "connectors",
    [
        "",
        "plaintext = false",
        'ca = "a"',
        'certificate = "a"\nprivate_key = "a"',
        'plaintext = true\nca = "a"',
        'plaintext = true\nca = "a"\ncertificate = "a"\nprivate_key = "a"',
    ],
)
def test_connectors_are_called_over_tls_or_in_plaintext_that_was_asked_for(tmp_path: Path, connectors: str) -> None:
    """Nothing, half of it, and both at once are refused: plaintext is never what remains when something is missing."""
    assert problems(tmp_path, MINIMAL + connectors) == {("connectors", "value_error")}


def test_a_file_that_cannot_be_read_is_told_as_such(tmp_path: Path) -> None:
    """A missing file, a folder, or text that is no TOML is not taken for an empty file."""
    with pytest.raises(FileNotFoundError):
        Settings.load(tmp_path / "missing.toml")
    with pytest.raises(IsADirectoryError):
        Settings.load(tmp_path)
    with pytest.raises(ValueError) as raised:  # noqa: PT011
        load(tmp_path, "listen = ")
    assert not isinstance(raised.value, ValidationError)


def test_settings_do_not_change(tmp_path: Path) -> None:
    """They are read once."""
    settings = load(tmp_path, PLAINTEXT)
    with pytest.raises(ValidationError):
        settings.listen = "0.0.0.0:1"
    with pytest.raises(ValidationError):
        settings.issuers[0].audience = "b"


@pytest.mark.parametrize("given", ["bundle", "bundle_key"])
def test_a_bundle_needs_its_key(given: str) -> None:
    """A bundle that nothing verifies is not loaded, and a key alone is a mistake."""
    with pytest.raises(ValidationError, match="go together"):
        PolicySettings.model_validate({given: "x"})
