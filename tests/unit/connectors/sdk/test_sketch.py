"""What two replicas share, told from sketches."""

from __future__ import annotations

import datetime

import pyarrow as pa
import pytest

from connectors.sdk.sketch import Sketch, similarity

KEY = b"k" * 16


def keys(*values: object, type: pa.DataType | None = None) -> pa.RecordBatch:
    return pa.record_batch({"id": pa.array(values, type=type or pa.string())})


def sketch(*batches: pa.RecordBatch, key: bytes = KEY) -> bytes:
    made = Sketch(key=key)
    for batch in batches:
        made.add(batch)
    return made.to_bytes()


def numbered(first: int, end: int) -> pa.RecordBatch:
    return keys(*(f"R{number:08}" for number in range(first, end)))


def test_order_batches_and_repetition_change_nothing() -> None:
    """The sketch is of a set: the same rows in any order, cut anyhow, give the same bytes."""
    whole = sketch(numbered(0, 1_000))
    assert sketch(numbered(500, 1_000), numbered(0, 700), numbered(0, 0)) == whole
    assert similarity(whole, whole) == 1.0
    assert len(whole) == 256


@pytest.mark.parametrize("shared", [0.0, 0.5, 0.9, 0.97])
def test_the_estimate_is_near_the_truth(shared: float) -> None:
    """Of 20,000 rows each, the share that both have is estimated within four standard deviations."""
    rows = 20_000
    common = round(2 * rows * shared / (1 + shared))  # Jaccard = common / (2 rows - common)
    one, other = sketch(numbered(0, rows)), sketch(numbered(rows - common, 2 * rows - common))
    assert similarity(one, other) == pytest.approx(shared, abs=4 * 0.032)


def test_small_sets_are_told_apart() -> None:
    """One row more among twenty is more than a tenth off only when it is more than two."""
    twenty = sketch(numbered(0, 20))
    assert similarity(twenty, sketch(numbered(0, 21))) >= 0.9
    assert similarity(twenty, sketch(numbered(0, 30))) < 0.9
    assert similarity(twenty, sketch(numbered(100, 120))) < 0.2


def test_empty_is_like_empty_only() -> None:
    """Two empty tables are the same; an empty one is like no other."""
    empty = sketch()
    assert similarity(empty, sketch(numbered(0, 0))) == 1.0
    assert similarity(empty, sketch(numbered(0, 1))) == 0.0


def test_keys_of_several_columns_and_types() -> None:
    """Every column of the key counts, in its order, as text; null is a text of its own place."""
    day = datetime.date(2026, 2, 14)
    typed = pa.record_batch({"a": pa.array(["x", None]), "b": pa.array([1, 2]), "c": pa.array([day, day])})
    as_text = keys("x\x1f1\x1f2026-02-14", "\x1f2\x1f2026-02-14")
    assert sketch(typed) == sketch(as_text)
    swapped = pa.record_batch({"b": typed["b"], "a": typed["a"], "c": typed["c"]})
    assert sketch(typed) != sketch(swapped)


def test_another_key_makes_an_unrelated_sketch() -> None:
    """Sketches under different keys tell nothing of each other."""
    rows = numbered(0, 5_000)
    assert similarity(sketch(rows), sketch(rows, key=b"o" * 16)) < 0.1


@pytest.mark.parametrize("wrong", [b"", b"x" * 255, b"x" * 257])
def test_what_is_no_sketch_is_refused(wrong: bytes) -> None:
    """A connector that answers with anything else is not compared."""
    with pytest.raises(ValueError, match="256"):
        similarity(wrong, sketch())
