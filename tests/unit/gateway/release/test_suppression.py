"""Which groups may be published, by hand-made tables."""

from __future__ import annotations

import random
from itertools import combinations

import numpy as np

from gateway.model.statistic import SKETCH_BUCKETS
from gateway.release.suppression import publishable


def table(cells: dict[tuple[str, ...], int], *, people_min: int = 10) -> set[tuple[str, ...]]:
    """Return the published ones of groups of so many people, nobody in two groups."""
    keys = [np.unique([cell[i] for cell in cells], return_inverse=True)[1] for i in range(len(next(iter(cells))))]
    sketches = np.zeros((len(cells), SKETCH_BUCKETS), dtype=np.uint32)
    person = 0
    for row, people in enumerate(cells.values()):
        for _ in range(people):
            sketches[row, person % SKETCH_BUCKETS] += person + 1
            person += 1
    published = publishable(keys, people=np.array(list(cells.values())), sketches=[sketches], people_min=people_min)
    return {cell for cell, shown in zip(cells, published, strict=True) if shown}


def test_the_bound_is_inclusive():
    """A group of exactly the smallest size is published."""
    assert table({("a",): 10, ("b",): 11}) == {("a",), ("b",)}


def test_a_single_hidden_group_takes_the_smallest_other_one_with_it():
    """The total minus what is published is never one group alone."""
    assert table({("a",): 30, ("b",): 20, ("c",): 3}) == {("a",)}


def test_hidden_groups_that_are_enough_people_together_hide_each_other():
    """Two small groups of ten people together need no third one."""
    assert table({("a",): 30, ("b",): 20, ("c",): 6, ("d",): 6}) == {("a",), ("b",)}


def test_hidden_groups_that_are_few_people_together_take_another_one_with_them():
    """Two small groups of four people together do."""
    assert table({("a",): 30, ("b",): 20, ("c",): 2, ("d",): 2}) == {("a",)}


def test_every_marginal_is_looked_at():
    """In a table of two keys a hidden cell has company in its row, its column and the whole."""
    cells = {(row, column): 30 for row in "abc" for column in "xyz"} | {("a", "x"): 2}
    hidden = set(cells) - table(cells)
    assert ("a", "x") in hidden
    for position in (0, 1):
        for value in {cell[position] for cell in hidden}:
            assert len([cell for cell in hidden if cell[position] == value]) >= 2
    assert len(hidden) == 4


def test_nothing_is_hidden_without_need():
    """Tables of large groups are published whole, and so is a table without rows."""
    cells = {(row, column): 10 for row in "abc" for column in "xyz"}
    assert table(cells) == set(cells)
    empty = np.zeros(0, dtype=np.int64)
    sketches = [np.zeros((0, SKETCH_BUCKETS), dtype=np.uint32)]
    assert publishable([empty], people=empty, sketches=sketches, people_min=10).tolist() == []


def test_people_in_several_hidden_groups_count_once():
    """Two hidden groups of the same six people are six people."""
    sketches = np.zeros((3, SKETCH_BUCKETS), dtype=np.uint32)
    sketches[:2, :6] = 7
    sketches[2, 20:60] = 7
    published = publishable([np.arange(3)], people=np.array([6, 6, 40]), sketches=[sketches], people_min=10)
    assert published.tolist() == [False, False, False]


def test_random_tables_leave_no_small_complement():
    """For every total of a random table of three keys the hidden people are none, or enough and in two groups."""
    rng = random.Random(5)
    for _ in range(30):
        cells = {
            (a, b, c): max(1, int(rng.expovariate(1 / 25)))
            for a in "ab" for b in "cde" for c in "fghi" if rng.random() < 0.8
        }  # fmt: skip
        shown = table(cells)
        for positions in (p for n in range(3) for p in combinations(range(3), n)):
            totals = {tuple(cell[i] for i in positions) for cell in cells}
            for total in totals:
                members = [cell for cell in cells if tuple(cell[i] for i in positions) == total]
                hidden = [cell for cell in members if cell not in shown]
                if hidden and len(hidden) < len(members):
                    assert len(hidden) >= 2
                    assert sum(cells[cell] for cell in hidden) >= 10
