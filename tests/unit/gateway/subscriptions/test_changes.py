"""Changes between two runs, told by keyed hashes."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pytest
from sqlglot import parse_one

from catalog.vocabulary import ColumnAction
from gateway.errors import InvalidQuery, TooLarge
from gateway.messages import Reason
from gateway.model.plan import EnforcedPlan
from gateway.model.result import BatchStream, ReleasableResult
from gateway.subscriptions import changes
from gateway.subscriptions.changes import Comparison, Hashes, check_key

SCHEMA = pa.schema(
    [pa.field("id", pa.string(), nullable=False), pa.field("n", pa.int64()), pa.field("day", pa.date32())],
    metadata={"sharing.entry": "e-1"},
)
DAY = datetime.date(2026, 3, 1)
HASH_KEY = b"k" * 32
Row = tuple[str | None, int | None]


def plan(*, action: ColumnAction = ColumnAction.CLEAR, sql: str = "SELECT id, n, day FROM t") -> Any:
    dataset = SimpleNamespace(columns={"id": SimpleNamespace(action=action)})
    tree = SimpleNamespace(named_selects=parse_one(sql).named_selects)
    return SimpleNamespace(resolved=SimpleNamespace(tree=tree), decision=SimpleNamespace(datasets={"t": dataset}))


def released(rows: Sequence[Row], *, schema: pa.Schema = SCHEMA, the_plan: EnforcedPlan | None = None) -> Any:
    batches = [pa.RecordBatch.from_pylist([{"id": key, "n": n, "day": DAY}], schema=schema) for key, n in rows]
    stream = BatchStream(schema=schema, batches=iter(batches), cancel=lambda: None)
    return ReleasableResult(plan=the_plan or plan(), stream=stream)


def compare(
    rows: Sequence[Row], before: Hashes | None, *, schema: pa.Schema = SCHEMA, hash_key: bytes = HASH_KEY
) -> tuple[list[tuple[Any, ...]], Comparison]:
    comparison = Comparison(
        subscription="s-1", run="r-2", key_columns=("id",), hash_key=hash_key, builds_on="r-1", before=before
    )
    stream = comparison.changes(released(rows, schema=schema)).stream
    told = [tuple(row.values()) for batch in stream.batches for row in batch.to_pylist()]
    return [(change, id, n) for change, _, id, n, *_ in told], comparison


def test_only_changes_come():
    """What is new is inserted, what differs updated, what is gone deleted without its values, and what is equal does not come."""
    whole, first = compare([("a", 1), ("b", None), ("c", 3)], None)
    assert whole == [("insert", "a", 1), ("insert", "b", None), ("insert", "c", 3)]
    assert first.builds_on == ""
    changed, second = compare([("c", 3), ("b", 2), ("d", 4)], first.after)
    assert changed == [("update", "b", 2), ("insert", "d", 4), ("delete", None, None)]
    assert second.builds_on == "r-1"
    assert compare([("b", 2), ("c", 3), ("d", 4)], second.after)[0] == []


def test_marks_in_text_are_no_change():
    """The same text with and without the recipient's mark is the same, as key and as value."""
    _, first = compare([("a", 1)], None)
    assert compare([("a\u2060", 1)], first.after)[0] == []


def test_other_columns_make_a_whole_dataset():
    """When the query's columns have other types than before, hashes are not compared and every row comes."""
    _, first = compare([("a", 1)], None)
    wider = SCHEMA.set(1, pa.field("n", pa.float64()))
    changed, second = compare([("a", 1)], first.after, schema=wider)
    assert ([change for change, *_ in changed], second.builds_on) == (["insert"], "")


def test_hashes_are_kept_and_nothing_else():
    """What is kept of a row is 32 bytes, which come back as they were and tell nobody without the key which row it is."""
    _, first = compare([(f"resident-{i}", i) for i in range(100)], None)
    pieces = list(first.after.pieces())
    assert Hashes.read(iter(pieces)).rows == first.after.rows
    assert len(b"".join(pieces[1:])) == 100 * 32
    assert b"resident" not in b"".join(pieces)
    assert compare([("resident-0", 0)], None, hash_key=b"x" * 32)[1].after.rows.keys().isdisjoint(first.after.rows)


@pytest.mark.parametrize(("rows", "why"), [([("a", 1), ("a", 2)], "repeat"), ([(None, 1)], "null")])
def test_keys_that_do_not_tell_rows_apart_are_refused(rows: list[Row], why: str):
    """A key that repeats, also in another batch, or is null makes the run fail; nothing is guessed."""
    nullable = SCHEMA.set(0, pa.field("id", pa.string()))
    with pytest.raises(InvalidQuery) as refused:
        compare(rows, None, schema=nullable)
    assert why in refused.value.message.en


@pytest.mark.parametrize(
    ("key_columns", "the_plan", "why"),
    [
        (("nowhere",), plan(), "no one column 'nowhere'"),
        (("id", "id"), plan(), "no one column 'id'"),
        (("id",), plan(action=ColumnAction.PSEUDONYM), "uses pseudonyms"),
        (("id",), plan(sql="SELECT id, n, n FROM t"), "repeat"),
        (("id",), plan(sql="SELECT id, n AS sharing_key FROM t"), "repeat"),
        (("id",), plan(sql="SELECT id, n AS sharing_entry FROM t"), "repeat"),
    ],
)
def test_runs_are_compared_by_columns_that_stay(key_columns: tuple[str, ...], the_plan: Any, why: str):
    """Keys are columns of the result, once each; pseudonyms change from run to run. The twin, a clear column, is taken."""
    check_key(plan(), key_columns=("id",))
    with pytest.raises(InvalidQuery) as refused:
        check_key(the_plan, key_columns=key_columns)
    assert why in refused.value.message.en


def test_runs_are_compared_up_to_a_number_of_rows(monkeypatch: pytest.MonkeyPatch):
    """Hashes are in memory during a run, so there are so many and no more; the twin with one row less is compared."""
    monkeypatch.setattr(changes, "ROWS_MAX", 2)
    assert len(compare([("a", 1), ("b", 2)], None)[0]) == 2
    with pytest.raises(TooLarge) as refused:
        compare([("a", 1), ("b", 2), ("c", 3)], None)
    assert refused.value.reason is Reason.RUN_TOO_LARGE
