"""Which groups of a statistic may be published."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations

import numpy as np
import numpy.typing as npt

Sketches = npt.NDArray[np.uint32]
"""One row per group, one column per bucket; 0 where nobody is."""


def publishable(
    keys: Sequence[npt.NDArray[np.int64]],
    *,
    people: npt.NDArray[np.int64],
    sketches: Sequence[Sketches],
    people_min: int,
) -> npt.NDArray[np.bool_]:
    """Tell which groups may be published, so that no total minus its published parts is about a few people.

    Groups of fewer than `people_min` people are held back (primary suppression). The totals over any subset of the keys, the
    grand total included, may become known; so where something is held back of one, it must be two groups at least, with
    `people_min` people together. While it is not, the smallest published group of that total is held back too (secondary
    suppression).

    Args:
        keys: For each group key one code per group.
        people: Smallest number of data subjects behind each group.
        sketches: For each kind of person that is counted, sketches of the groups.
        people_min: Smallest group that may be released, in people.
    """
    published = people >= people_min
    marginals = list(marginal_groups(keys, groups=len(people)))
    while True:
        before = np.count_nonzero(published)
        for marginal in marginals:
            exposed = _exposed(marginal, published=published, sketches=sketches, people_min=people_min)
            candidates = np.flatnonzero(published & exposed[marginal])
            smallest_first = candidates[np.lexsort((people[candidates], marginal[candidates]))]
            _, first = np.unique(marginal[smallest_first], return_index=True)
            published[smallest_first[first]] = False
        if np.count_nonzero(published) == before:
            return published


def marginal_groups(keys: Sequence[npt.NDArray[np.int64]], *, groups: int) -> Iterator[npt.NDArray[np.int64]]:
    """Yield, for every proper subset of the keys, the number of the total that each group is part of."""
    for subset in proper_subsets(len(keys)):
        if not subset:
            yield np.zeros(groups, dtype=np.int64)
        else:
            codes = np.stack([keys[i] for i in subset], axis=1)
            yield np.unique(codes, axis=0, return_inverse=True)[1].reshape(-1)


def proper_subsets(size: int) -> Iterator[tuple[int, ...]]:
    """Yield every subset of `range(size)` but the whole."""
    for length in range(size):
        yield from combinations(range(size), length)


def sums_by(marginal: npt.NDArray[np.int64], sketches: Sketches, *, chosen: npt.NDArray[np.bool_]) -> Sketches:
    """Return for each total the sketch of its chosen groups together."""
    sums = np.zeros((marginal.max(initial=-1) + 1, sketches.shape[1]), dtype=np.uint32)
    np.add.at(sums, marginal[chosen], sketches[chosen])
    return sums


def _exposed(
    marginal: npt.NDArray[np.int64],
    *,
    published: npt.NDArray[np.bool_],
    sketches: Sequence[Sketches],
    people_min: int,
) -> npt.NDArray[np.bool_]:
    """Tell for each total whether too little of it is held back to hide anybody; nothing at all is fine."""
    hidden = np.bincount(marginal[~published], minlength=marginal.max(initial=-1) + 1)
    few: npt.NDArray[np.bool_] = hidden == 1
    for sketch in sketches:
        # Groups may share people; a bucket that is not empty holds one at least.
        people = np.count_nonzero(sums_by(marginal, sketch, chosen=~published), axis=1)
        few |= (hidden > 0) & (people < people_min)
    return few
