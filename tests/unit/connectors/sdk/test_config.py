"""The configuration file: everything wrong is found at once, in both languages."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from catalog.vocabulary import ColumnAction
from connectors.sdk.config import ConfigInvalid, ConnectorSettings, PostgresqlSettings, check_config, read_config
from tests.unit.connectors.conftest import DATASET, NAME

COLUMNS = {column.name: f"own_{column.name}" for column in DATASET.columns}

TLS = {"certificate": "a.pem", "private_key": "/etc/b.pem", "ca": "ca.pem"}
REGISTRATION = {"endpoint": "gateway:8815", "token_file": "x.jwt", "ca": "ca.pem"}


def document(**changes: Any) -> dict[str, Any]:
    return {
        "department": "testing",
        "listen": "127.0.0.1:0",
        "plaintext": True,
        "grant_keys": "keys/grant-keys.json",
        "source": {"kind": "parquet", "path": "data"},
        "datasets": {NAME: {"table": "t", "columns": COLUMNS, "ceiling": {"label": "partial"}}},
        **changes,
    }


def read(folder: Path, content: Any) -> ConnectorSettings:
    (folder / "connector.yaml").write_text(content if isinstance(content, str) else yaml.safe_dump(content), "utf-8")
    settings = read_config(folder / "connector.yaml")
    check_config(settings, datasets={NAME: DATASET})
    return settings


def places(folder: Path, content: Any) -> list[str]:
    with pytest.raises(ConfigInvalid) as caught:
        read(folder, content)
    assert all(problem.text.zh and problem.text.en for problem in caught.value.problems)
    return sorted(problem.place for problem in caught.value.problems)


def test_a_file_is_read_with_its_paths_made_absolute(tmp_path: Path) -> None:
    """Relative paths count from the file, not from where the command runs."""
    settings = read(tmp_path, document(plaintext=False, tls=TLS, registration=REGISTRATION))
    assert settings.grant_keys == tmp_path / "keys" / "grant-keys.json"
    assert settings.source.path == tmp_path / "data"  # type: ignore[union-attr]
    assert settings.tls is not None
    assert (settings.tls.certificate, str(settings.tls.private_key)) == (tmp_path / "a.pem", "/etc/b.pem")
    assert settings.registration is not None
    assert (settings.registration.token_file, settings.registration.ca) == (tmp_path / "x.jwt", tmp_path / "ca.pem")
    assert settings.datasets[NAME].ceiling == {"label": ColumnAction.PARTIAL}


def test_tables_hold_every_column_in_catalogue_order(tmp_path: Path) -> None:
    """The mapping carries the catalogue's types."""
    columns = dict(reversed(COLUMNS.items()))
    table = read(tmp_path, document(datasets={NAME: {"table": "t", "columns": columns}})).tables({NAME: DATASET})[NAME]
    assert table.schema == DATASET.schema
    assert [column.own_name for column in table.columns] == list(COLUMNS.values())


def test_a_database_password_is_not_shown(tmp_path: Path) -> None:
    """Printing the settings does not print the URI."""
    settings = read(tmp_path, document(source={"kind": "postgresql", "uri": "postgresql://u:secret@h/x"}))
    assert isinstance(settings.source, PostgresqlSettings)
    assert "secret" not in repr(settings)
    assert settings.source.uri.get_secret_value().endswith("u:secret@h/x")


def test_every_problem_of_the_file_is_named(tmp_path: Path) -> None:
    """Missing, unknown and malformed keys come together."""
    wrong = document(
        listen="here", colour="green", source={"kind": "oracle"}, registration={"endpoint": "gateway:8815"}
    )
    del wrong["grant_keys"]
    assert places(tmp_path, wrong) == ["colour", "grant_keys", "listen", "registration.token_file", "source"]


def test_every_disagreement_with_the_catalogue_is_named(tmp_path: Path) -> None:
    """Unknown datasets and columns, unmapped columns, another's dataset."""
    columns = {**COLUMNS, "extra": "x"}
    del columns["label"]
    wrong = document(
        department="housing",
        datasets={
            NAME: {"table": "t", "columns": columns, "ceiling": {"nothing": "null"}},
            "testing.other": {"table": "t", "columns": {}},
        },
    )
    assert places(tmp_path, wrong) == [
        "datasets.testing.other",
        f"datasets.{NAME}",
        f"datasets.{NAME}.columns.label",
        f"datasets.{NAME}.extra",
        f"datasets.{NAME}.nothing",
    ]


def test_an_unknown_treatment_is_named(tmp_path: Path) -> None:
    """A ceiling that cannot be read must not count as none."""
    wrong = document(datasets={NAME: {"table": "t", "columns": COLUMNS, "ceiling": {"label": "hide"}}})
    assert places(tmp_path, wrong) == [f"datasets.{NAME}.ceiling.label"]


def test_a_wildcard_address_must_be_advertised(tmp_path: Path) -> None:
    """The gateway cannot call 0.0.0.0."""
    settings = document(listen="0.0.0.0:1", plaintext=False, tls=TLS, registration=REGISTRATION)
    assert places(tmp_path, settings) == ["advertise"]
    assert read(tmp_path, settings | {"advertise": "me:1"}).advertise == "me:1"


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"plaintext": False}, "tls"),
        ({"tls": TLS}, "tls"),
        ({"listen": "10.0.0.5:0"}, "tls"),
        ({"listen": "0.0.0.0:0", "advertise": "127.0.0.1:1"}, "tls"),
        ({"registration": REGISTRATION | {"ca": None}}, "registration.ca"),
        ({"registration": REGISTRATION | {"plaintext": True}}, "registration.ca"),
        ({"registration": REGISTRATION | {"ca": None, "plaintext": True}}, "registration.ca"),
    ],
)
def test_plaintext_is_for_this_machine_and_asked_for(tmp_path: Path, changes: dict[str, Any], place: str) -> None:
    """Without certificates nothing is served or registered, unless the file says so and nothing leaves the machine."""
    assert places(tmp_path, document(**changes)) == [place]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "127.9.9.9"])
def test_plaintext_is_accepted_on_loopback(tmp_path: Path, host: str) -> None:
    """A connector beside its gateway needs no certificates."""
    registration = {"endpoint": f"{host}:8815", "token_file": "x.jwt", "plaintext": True}
    assert read(tmp_path, document(listen=f"{host}:0", registration=registration)).tls is None


@pytest.mark.parametrize("content", ["", "a: [", "- 1", "text"])
def test_what_is_no_configuration_is_refused(tmp_path: Path, content: str) -> None:
    """Empty, broken and other YAML."""
    assert places(tmp_path, content)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """The place is the file itself."""
    with pytest.raises(ConfigInvalid) as caught:
        read_config(tmp_path / "no.yaml")
    assert [problem.place for problem in caught.value.problems] == [str(tmp_path / "no.yaml")]


def test_a_witness_names_the_logs_by_their_keys(tmp_path: Path) -> None:
    """A key that contradicts itself is found before anything is witnessed; the folder counts from the file."""
    key = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
    settings = read(tmp_path, document(witness={"directory": "witness", "logs": [key]}))
    assert settings.witness is not None
    assert (settings.witness.directory, settings.witness.logs) == (tmp_path / "witness", (key,))
    assert "witness.logs.0" in places(tmp_path, document(witness={"directory": "w", "logs": [key[:-1]]}))
    assert places(tmp_path, document(witness={"directory": "w", "logs": []})) == ["witness.logs"]


def test_the_departments_own_log_needs_no_configuration(tmp_path: Path) -> None:
    """Folder and key of the log stand beside the file under its name, or where the section says."""
    settings = read(tmp_path, document())
    assert (settings.log.directory, settings.log.key) == (tmp_path / "connector-log", tmp_path / "connector-log.pem")
    elsewhere = read(tmp_path, document(log={"directory": "/var/lib/log", "key": "keys/log.pem"}))
    assert (str(elsewhere.log.directory), elsewhere.log.key) == ("/var/lib/log", tmp_path / "keys" / "log.pem")
    assert places(tmp_path, document(log={"directory": "log"})) == ["log.key"]
