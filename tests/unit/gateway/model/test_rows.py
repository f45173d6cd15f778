"""Rows that may leave are counted once."""

from __future__ import annotations

from gateway.model.rows import RowBudget


def test_an_attempt_that_failed_gives_its_rows_back() -> None:
    """A connector that dies before the first row costs the next attempt nothing."""
    budget = RowBudget(10)
    first = budget.share(10)
    assert first.take(8)
    first.give_back()
    assert budget.share(10).take(10)
    assert not budget.share(10).take(1)


def test_parts_share_their_rows() -> None:
    """What one part took, the others cannot take."""
    budget = RowBudget(10)
    one, other = budget.share(10), budget.share(10)
    assert one.take(6)
    assert not other.take(5)
    assert other.take(4)


def test_a_part_obeys_the_newest_decision() -> None:
    """A cap that was lowered since the result was planned holds for the part."""
    share = RowBudget(10).share(4)
    assert share.take(4)
    assert not share.take(1)
