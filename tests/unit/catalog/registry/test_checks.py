"""What a connector describes, held against the catalogue."""

from __future__ import annotations

import pyarrow as pa
import pytest

from catalog.load import load_catalogue
from catalog.registry import RegistrationRefused, check_datasets, drift_of

DATASETS = load_catalogue().datasets
SCHEMA = pa.schema([pa.field("id", pa.string(), nullable=False), pa.field("dose", pa.int16())])
LONG = pa.struct([("x" * 100_000, pa.int8())])
NO_UTF8 = pa.schema([("abcdefgh", pa.int8())]).serialize().to_pybytes().replace(b"abcdefgh", b"abc\xff\xfefgh")


def test_a_departments_own_names_pass() -> None:
    """Exactly as in the catalogue, in any order."""
    check_datasets(["health.vaccination", "health.health_code"], department="health", datasets=DATASETS)


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("population.resident", "another department"),
        ("Population.Resident", "another department"),
        ("ｐopulation.resident", "another department"),
        ("population.resi\u200bdent", "another department"),
        ("population.resident ", "another department"),
        ("Health.Vaccination", "not written as in the catalogue"),
        ("health.vaccination\u00a0", "not written as in the catalogue"),
        ("health.vaccinatiоn", "no dataset"),
        ("", "no dataset"),
        ("health.new", "no dataset"),
    ],
)
def test_other_names_are_refused(name: str, why: str) -> None:
    """Another department's name is refused in every spelling, a lookalike of the own one as well, each for its reason."""
    with pytest.raises(RegistrationRefused, match=why):
        check_datasets(["health.health_code", name], department="health", datasets=DATASETS)


@pytest.mark.parametrize("names", [[], ["health.vaccination"] * 2])
def test_nothing_and_twice_are_refused(names: list[str]) -> None:
    """A connector serves something, and names it once."""
    with pytest.raises(RegistrationRefused):
        check_datasets(names, department="health", datasets=DATASETS)


def test_the_same_schema_is_no_drift() -> None:
    """Metadata does not count."""
    assert drift_of(SCHEMA.with_metadata({"a": "b"}), expected=SCHEMA) is None


@pytest.mark.parametrize(
    ("described", "says"),
    [
        (None, "no longer offers"),
        (pa.schema([SCHEMA.field("id")]), "missing columns: dose."),
        (pa.schema([*SCHEMA, pa.field("extra", pa.string())]), "extra columns: extra."),
        (pa.schema([SCHEMA.field("id"), pa.field("dose", pa.string())]), "another type: dose (string ≠ int16)."),
        (pa.schema([SCHEMA.field("id").with_nullable(True), SCHEMA.field("dose")]), "may be null: id."),
        (pa.schema([SCHEMA.field("id"), pa.field("dose", LONG)]), "another type: dose (struct<xxxx"),
        (pa.ipc.read_schema(pa.py_buffer(NO_UTF8)), "sends no schema"),
        (pa.schema(list(SCHEMA)[::-1]), "another order"),
        (pa.schema([*SCHEMA, SCHEMA.field("dose")]), "a name comes twice"),
        (
            pa.schema([pa.field(f"c{n}", pa.string()) for n in range(12)]),
            "missing columns: id, dose; extra columns: c0, c1, c2, c3, c4, c5, c6, c7, c8, c9, … (+2).",
        ),
    ],
)
def test_drift_names_the_columns(described: pa.Schema | None, says: str) -> None:
    """The department reads which columns are wrong and how; the list is bounded."""
    text = drift_of(described, expected=SCHEMA)
    assert text is not None
    assert says in text.en
    assert len(text.en) < 300
    assert text.zh
