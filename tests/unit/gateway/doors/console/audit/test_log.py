from __future__ import annotations

import itertools
from pathlib import Path
from types import SimpleNamespace

import pytest

from connectors.sdk.tlog import LogWriter
from gateway.doors.console.audit import log as pages
from gateway.doors.console.audit.work import AuditWork
from gateway.doors.console.downloads import Downloads
from sharing_stubs.sharing.catalog.v1 import catalog_pb2
from tests.unit.gateway.doors.console.audit.test_proving import NAME, SIGNING

LATE_EVENING_UTC = 1_767_200_400
"""It is 2026-01-01 in the city."""


class Answers:
    """A stub that finds so many entries as there are."""

    def __init__(self, leaves: list[bytes]) -> None:
        self._leaves = leaves

    def SearchEntries(self, request, *, metadata):
        return [SimpleNamespace(leaf=leaf) for leaf in self._leaves[-request.entries_max :]]


@pytest.fixture
def visit(tmp_path: Path):
    values = {"format": "csv"}
    return SimpleNamespace(
        session=SimpleNamespace(audit=AuditWork(), downloads=Downloads(tmp_path)),
        connection=SimpleNamespace(
            channel=None, headers=list, catalog=SimpleNamespace(names=catalog_pb2.ListNamesResponse)
        ),
        form=values,
        text=lambda name: values.get(name, ""),
        language="zh",
        now=LATE_EVENING_UTC,
        go=lambda path: path,
        render=lambda template, **values: values,
    )


@pytest.fixture
def leaves(tmp_path: Path) -> list[bytes]:
    ids = itertools.count(1)
    with LogWriter.open(
        tmp_path / "log",
        signing_key=SIGNING,
        name=NAME,
        clock_micros=lambda: 1_700_000_000_000_000,
        new_entry_id=lambda: f"entry-{next(ids)}",
    ) as log:
        return [log.append("denial", {}).leaf for _ in range(3)]


def test_a_file_is_never_cut(monkeypatch, visit, leaves, tmp_path):
    """What does not fit into a file is refused in words, and nothing is left; what fits is dated as the city's calendar."""
    monkeypatch.setattr(pages, "EXPORT_ENTRIES_MAX", 2)
    monkeypatch.setattr(pages.audit_pb2_grpc, "AuditServiceStub", lambda channel: Answers(leaves))
    assert pages.export(visit) == {"problem": pages.TOO_MANY_ENTRIES}
    assert "请缩短时段" in pages.TOO_MANY_ENTRIES.zh
    assert [path.name for path in tmp_path.iterdir()] == ["log"]
    monkeypatch.setattr(pages, "EXPORT_ENTRIES_MAX", 3)
    offered = visit.session.downloads.take(pages.export(visit).rpartition("/")[2])
    assert offered.name == "访问日志-2026-01-01.csv"
    with offered.file as file:
        assert len(file.read().decode().strip().splitlines()) == 4


def test_a_timeline_has_few_buckets():
    """Days of a short time, months of a long one, years of one that nobody draws otherwise; nothing is lost."""
    assert list(pages.timeline({})) == []
    assert list(pages.timeline({"2026-01-03": (2, 1), "2026-01-01": (5, 0)})) == [
        ("2026-01-01", 5, 0),
        ("2026-01-02", 0, 0),
        ("2026-01-03", 2, 1),
    ]
    assert [name for name, *_ in pages.timeline({"2025-11-30": (1, 0), "2026-02-01": (1, 0)})][::3] == [
        "2025-11",
        "2026-02",
    ]
    years = list(pages.timeline({"2000-01-01": (1, 0), "2100-12-31": (1, 1)}))
    assert (len(years), years[0], years[-1]) == (101, ("2000", 1, 0), ("2100", 1, 1))
