from __future__ import annotations

import json
from pathlib import Path

import pytest

from catalog.dataset import Text
from catalog.vocabulary import ColumnAction, ColumnUse, Mask, Role
from gateway.doors.console.audit.words import (
    KINDS,
    MASKS,
    OUTCOMES,
    ROLES,
    TREATMENTS,
    USES,
    condition_words,
    in_words,
    treatment_words,
)
from gateway.doors.console.reasons import REASONS, reason_words
from gateway.model.audit import EntryKind, Outcome
from gateway.reasons import Reason

POLICY_TEXTS = Path(__file__).parents[6] / "policies/messages/data.json"


@pytest.mark.parametrize(
    ("known", "words"),
    [
        (KINDS, EntryKind),
        (OUTCOMES, Outcome),
        (TREATMENTS, ColumnAction),
        (MASKS, Mask),
        (USES, ColumnUse),
        (ROLES, Role),
        (REASONS, Reason),
        (REASONS, json.loads(POLICY_TEXTS.read_text("utf-8"))["message"]),
    ],
)
def test_every_word_of_the_log_has_a_translation(known, words):
    """Auditors read no codes: what the log may hold has words in both languages."""
    assert set(map(str, words)) <= set(known)
    assert all(text.zh and text.en for text in known.values())


def test_several_codes_are_several_words():
    """A denial for two reasons is told with both; a code that nobody has words for stands as it is."""
    assert reason_words("CASE_REQUIRED, NEW_CODE") == Text(zh="未填事项编号、NEW_CODE", en="no case number, NEW_CODE")
    assert reason_words("") == reason_words(None) == Text(zh="—", en="—")


def test_what_has_no_words_stands_as_it_is():
    """A new kind of entry is shown under its own name, not hidden."""
    assert in_words(KINDS, "novel") == Text(zh="novel", en="novel")
    assert in_words(KINDS, None) == Text(zh="—", en="—")


def test_a_treatment_names_its_mask():
    """What was released of a column is told with the mask."""
    assert treatment_words("partial", "phone") == Text(zh="部分遮盖（电话）", en="partly masked (phone)")
    assert treatment_words("clear", None) == Text(zh="原样", en="as it is")


def test_row_filters_are_told_in_words():
    """An auditor reads which rows an office could get."""
    own = {"op": "prefix", "column": "residence_division", "values": ["310101002"]}
    both = {"op": "or", "operands": [own, {"op": "in", "column": "sex", "values": ["1", "2"]}]}
    assert condition_words(own).en == "residence_division begins with 310101002"
    assert condition_words(both) == Text(
        zh="residence_division 以 310101002 开头或sex 为 1、2",
        en="residence_division begins with 310101002 or sex is 1, 2",
    )
    assert condition_words(None) == Text(zh="不限", en="all rows")
