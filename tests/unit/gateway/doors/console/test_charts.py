"""Pictures of results: what may be drawn, and the numbers of it."""

from __future__ import annotations

import datetime

import pyarrow as pa

from catalog.dataset import Text
from gateway.doors.console.results.charts import OTHERS, Dimension, Wish, age_band, choices, draw
from gateway.doors.console.results.columns import Column

TODAY = datetime.date(2026, 11, 22)


def column(name: str, type_: pa.DataType, *, is_division: bool = False, treated: bool = True) -> Column:
    """Return a column of a result."""
    treatments = (Text(zh="原样", en="as it is"),) if treated else ()
    return Column(
        name=name,
        title=None,
        treatments=treatments,
        clear=True,
        masks=frozenset(),
        codes={},
        type=type_,
        is_division=is_division,
    )


RESIDENTS = (
    column("birth_date", pa.date32()),
    column("residence_division", pa.string(), is_division=True),
    column("resident_id", pa.string()),
)


def residents(births: list[datetime.date | None], divisions: list[str | None]) -> pa.RecordBatch:
    """Return residents, each with an id of its own."""
    ids = [f"{number}" for number in range(len(births))]
    return pa.record_batch([pa.array(births, pa.date32()), pa.array(divisions), pa.array(ids)], names=["b", "d", "i"])


def test_ages_by_committee_are_suggested_and_counted() -> None:
    """Residents are counted by committee and age band; the day of the birthday counts."""
    births = [datetime.date(2008, 11, 22), datetime.date(2008, 11, 23), datetime.date(1940, 1, 1), None]
    batch = residents(births, ["001", "001", "002", "002"])
    found = choices([batch], columns=RESIDENTS)
    (wish, *_) = found.suggested
    assert (wish.group.column, wish.part and wish.part.kind) == (1, "age")
    (picture,) = draw([batch, batch], [wish], today=TODAY)
    bands = {(group, part if part is None else age_band(part)): n for (group, part), n in picture.numbers.items()}
    assert bands == {("001", "18–34"): 2, ("001", "6–17"): 2, ("002", "80+"): 2, ("002", None): 2}
    assert picture.groups == ("001", "002")


def test_enterprises_by_industry_are_suggested() -> None:
    """The industry comes before other columns with few values, and columns that name rows are not offered."""
    columns = (column("name", pa.string()), column("status", pa.string()), column("industry", pa.string()))
    rows = [[f"n{i}" for i in range(1_000)], ["active", "revoked"] * 500, ["A01", "F52", "H62", "H62"] * 250]
    batch = pa.record_batch([pa.array(values) for values in rows], names=["name", "status", "industry"])
    found = choices([batch], columns=columns)
    assert [one.column for one in found.dimensions] == [1, 2]
    first, second = found.suggested
    assert (first.group.column, second.group.column) == (2, 1)
    picture, _ = draw([batch], [first, second], today=TODAY)
    assert [(group, picture.total(group)) for group in picture.groups] == [("H62", 500), ("A01", 250), ("F52", 250)]


def test_a_statistic_sums_its_own_count() -> None:
    """Rows that are counts already are summed, not counted."""
    columns = (column("sex", pa.string()), column("people", pa.int64(), treated=False))
    batch = pa.record_batch([pa.array(["1", "2"]), pa.array([30, 12])], names=["sex", "people"])
    found = choices([batch], columns=columns)
    (wish,) = found.suggested
    assert wish.measure == 1
    (picture,) = draw([batch], [wish], today=TODAY)
    assert [picture.total(group) for group in picture.groups] == [30, 12]


def test_many_groups_are_gathered() -> None:
    """Only the largest stand by themselves; the others together are not lost."""
    values = [f"g{i:03}" for i in range(100) for _ in range(i + 1)]
    batch = pa.record_batch([pa.array(values)], names=["kind"])
    (picture,) = draw([batch], [Wish(group=Dimension(column=0))], today=TODAY)
    assert len(picture.groups) == 24
    assert picture.groups[-1] == OTHERS
    assert sum(picture.total(group) for group in picture.groups) == len(values)


def test_nothing_is_offered_for_columns_that_name_rows() -> None:
    """A list of ids makes no picture, and no rows none either."""
    batch = pa.record_batch([pa.array([f"{i}" for i in range(1_000)])], names=["resident_id"])
    assert choices([batch], columns=RESIDENTS[2:]).suggested == ()
    assert choices([], columns=RESIDENTS[1:]).suggested == ()
