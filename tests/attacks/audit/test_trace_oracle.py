"""An auditor asks the trace about texts of his own choice, to learn a colleague's marks and forge a copy that names him."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from connectors.sdk.watermark import (
    DIGESTS_MAX,
    DIGESTS_MIN,
    Digests,
    Marked,
    mark_texts,
    matches,
    read_marks,
    requester_key,
)
from gateway.audit import checked_marks, marks_sha256, trace
from gateway.errors import InvalidQuery

SECRET = b"z" * 32
VICTIM = "clerk-07"
RECIPIENTS = {f"clerk-{number:02}": "310101002" for number in range(20)}
TEXTS = pa.array([f"上海市徐汇区某路{number}号" for number in range(300)])
KEY = requester_key(SECRET, subject=VICTIM)


def known() -> tuple[Digests, Marked]:
    """The texts and how the victim would receive them."""
    return read_marks([mark_texts(TEXTS, key=KEY)])


def named(digests: Digests, marked: Marked) -> set[str]:
    return {suspect.requester for suspect in trace(digests, marked, recipients=RECIPIENTS, mark_secret=SECRET)}


def probe(digest: int) -> tuple[list[int], list[bool]]:
    """One text told so often that a fit of it alone names somebody."""
    return [digest] * DIGESTS_MAX, [True] * DIGESTS_MAX


def test_twin_one_text_told_often_would_show_single_marks() -> None:
    """Without the check every answer is one bit of everybody's marks."""
    digests, marked = known()
    for digest, mark in zip(digests[:20], marked[:20], strict=True):
        told = named(*(np.array(part) for part in probe(int(digest))))
        assert (VICTIM in told) == bool(mark)


def test_one_text_told_often_is_refused() -> None:
    """A trace takes different texts only, as the command line reads them off a copy."""
    digest = int(known()[0][0])
    with pytest.raises(InvalidQuery):
        checked_marks(*probe(digest))
    with pytest.raises(InvalidQuery):
        checked_marks([*range(DIGESTS_MIN), 3], [True] * (DIGESTS_MIN + 1))


@pytest.mark.parametrize("count", [0, 1, DIGESTS_MIN - 1, DIGESTS_MAX + 1])
def test_too_few_texts_and_too_many_are_refused(count: int) -> None:
    """What can name nobody, or does not come from a copy, is not compared."""
    with pytest.raises(InvalidQuery):
        checked_marks(range(count), [True] * count)
    with pytest.raises(InvalidQuery):
        checked_marks(range(DIGESTS_MIN), [True] * (DIGESTS_MIN - 1))


def test_guessing_names_nobody() -> None:
    """Whoever holds no copy of the victim learns nothing in 2,000 questions with the fewest texts that could name him."""
    digests, _ = known()
    chance = np.random.default_rng(1)
    for _ in range(2_000):
        chosen = chance.choice(digests, 24, replace=False)
        assert named(*checked_marks(chosen.tolist(), (chance.random(24) < 0.5).tolist())) == set()


def test_what_is_left_needs_a_copy_and_costs_an_entry_a_mark() -> None:
    """The stated limit: who holds enough of a copy learns one more mark a question, and each question is told apart."""
    digests, marked = known()
    learned, hashes = [], set()
    held = next(n for n in range(20, 40) if named(digests[:n], marked[:n])) - 1
    for place in range(held, held + 20):
        asked = np.append(digests[:held], digests[place]), np.append(marked[:held], True)
        hashes.add(marks_sha256(*asked))
        learned.append(VICTIM in named(*checked_marks(*(part.tolist() for part in asked))))
    assert learned == marked[held : held + 20].tolist()
    assert len(hashes) == 20
    assert matches(digests, marked, key=KEY) == len(TEXTS)
