"""Every source of this distribution, served by its connector, keeps the connector protocol."""

from __future__ import annotations

from pathlib import Path

from connectors.sdk.source import Source
from tests.conformance.served import check, servicer, serving
from tests.unit.connectors.conftest import DATASET


def test_a_connector_over_every_source_conforms(source: Source, tmp_path: Path) -> None:
    """`connector check` fails no clause, whatever the database."""
    with servicer(tmp_path, source=source, dataset=DATASET) as made, serving(made) as endpoint:
        report = check(endpoint, dataset=DATASET)
    assert report.failed == (), report.to_markdown()
