"""The departments' templates agree with the catalogue."""

from __future__ import annotations

from pathlib import Path

import yaml

from catalog.load import load_catalogue
from catalog.vocabulary import ColumnAction
from connectors.sample_city.departments import TEMPLATES, read_departments, write_config
from connectors.sdk.config import check_config, read_config

VALUES = {
    "DATA": "/srv/a city",
    "GATEWAY": "127.0.0.1:8815",
    "URI": "postgresql://u:p@127.0.0.1:1/x",
    "PATH": "/srv/数据",
}


def test_every_dataset_is_in_the_template_of_its_controller() -> None:
    """There is a template per department, and each dataset is in exactly one, its controller's."""
    catalogue = load_catalogue()
    departments = read_departments(catalogue.datasets)
    assert {path.stem for path in TEMPLATES.glob("*.yaml")} == {department.id for department in departments}
    placed = [(own.dataset.name, department.id) for department in departments for own in department.tables]
    assert sorted(placed) == sorted((name, dataset.controller) for name, dataset in catalogue.datasets.items())


def test_departments_have_names_of_their_own() -> None:
    """Own column names are distinct in a table, and none is the catalogue's name; the gateway's log speaks our own names."""
    databases = (d for d in read_departments(load_catalogue().datasets) if d.kind != "access_log")
    for department in databases:
        for own in department.tables:
            assert len(set(own.own_columns)) == len(own.own_columns)
            assert not set(own.own_columns) & {column.name for column in own.dataset.columns}


def test_ceilings_allow_what_purposes_need() -> None:
    """No purpose of the catalogue needs a column in a milder form than its controller ever allows."""
    ceilings = {}
    for path in TEMPLATES.glob("*.yaml"):
        for dataset, entry in yaml.safe_load(path.read_text("utf-8"))["datasets"].items():
            ceilings |= {(dataset, column): ColumnAction(a) for column, a in entry.get("ceiling", {}).items()}
    for purpose in load_catalogue().purposes.values():
        for need in purpose.datasets:
            for column, treatment in need.columns.items():
                ceiling = ceilings.get((need.dataset, column), ColumnAction.CLEAR)
                assert treatment.action.rank >= ceiling.rank, (purpose.id, need.dataset, column)


def test_identity_numbers_never_leave_in_clear() -> None:
    """Every resident ID column has a ceiling, and it is at least partial."""
    for path in TEMPLATES.glob("*.yaml"):
        for name, entry in yaml.safe_load(path.read_text("utf-8"))["datasets"].items():
            for column in load_catalogue().datasets[name].columns:
                if column.identifier == "resident_id":
                    assert ColumnAction(entry["ceiling"][column.name]).rank >= ColumnAction.PARTIAL.rank


def test_filled_templates_are_connector_configurations(tmp_path: Path) -> None:
    """A written configuration is accepted by the connector, keeps odd characters, and is private."""
    catalogue = load_catalogue()
    for department in read_departments(catalogue.datasets):
        path = write_config(department, folder=tmp_path, values=VALUES)
        settings = read_config(path)
        check_config(settings, datasets=catalogue.datasets)
        assert settings.department == department.id
        assert str(settings.grant_keys) == "/srv/a city/keys/grant-keys.json"
        assert path.stat().st_mode & 0o777 == 0o600
