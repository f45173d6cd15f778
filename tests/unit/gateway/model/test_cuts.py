"""What a decision cuts away reads the same to a lawyer, a clerk and a program."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest

from catalog.catalogue import Catalogue
from catalog.load import load_catalogue
from catalog.vocabulary import MASKS_OF_ACTION, ColumnAction, Mask
from connectors.sdk.predicates import Predicate, PredicateOp
from gateway.model.cuts import cuts_of, in_words, rows_in_words
from gateway.model.decision import ColumnTreatment, DatasetDecision, Decision
from gateway.model.requester import CaseState, Standing, Usage

RESIDENT = "population.resident"
TREATMENTS = [
    ColumnTreatment(action=action, mask=mask)
    for action in ColumnAction
    for mask in MASKS_OF_ACTION.get(action, (None,))
]


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue()


def decision(
    columns: Mapping[str, ColumnTreatment],
    *,
    uses: Mapping[str, list[str]] | None = None,
    dataset: str = RESIDENT,
    row_filter: Predicate | None = None,
) -> Decision:
    used = [{"name": column, "uses": (uses or {}).get(column, ["selected"])} for column in columns]
    return Decision(
        decision_id="d",
        allow=row_filter is not None,
        datasets={
            dataset: DatasetDecision(name=dataset, columns=columns, row_filter=row_filter, lookup_values_max=None)
        },
        people_min=None,
        obligations=None,
        denials=(),
        determined_by=("request",),
        policy_revision="r",
        standing=Standing(
            requester_revoked=False,
            purpose_revoked=False,
            case_state=CaseState.UNCHECKED,
            emergencies=(),
            agreements=(),
            stops=(),
            consents={},
            usage=Usage(rows=0, lookups=0),
        ),
        policy_input={"query": {"datasets": [{"name": dataset, "columns": used}]}},
        answer_sha256="0" * 64,
    )


def prefix(code: str, *, column: str = "residence_division") -> Predicate:
    return Predicate(op=PredicateOp.PREFIX, column=column, values=(code,))


def any_of(*operands: Predicate) -> Predicate:
    return Predicate(op=PredicateOp.OR, operands=operands)


def test_every_action_and_mask_has_words_of_its_own() -> None:
    """No two treatments read alike, in either language, and none is missing."""
    assert {treatment.mask for treatment in TREATMENTS} >= set(Mask)
    assert {treatment.action for treatment in TREATMENTS} == set(ColumnAction)
    words = [in_words(treatment) for treatment in TREATMENTS]
    assert len({text.zh for text in words}) == len({text.en for text in words}) == len(TREATMENTS)


def test_a_masked_name_is_told_as_surname_only() -> None:
    """The words say what is left of the value, not how it is done."""
    text = in_words(ColumnTreatment(action=ColumnAction.PARTIAL, mask=Mask.NAME))
    assert (text.zh, text.en) == ("只保留姓氏", "surname only")


@pytest.mark.parametrize(
    ("row_filter", "zh", "en"),
    [
        (
            prefix("310101002"),
            "仅南京东路街道（310101002）的行",
            "only rows of Nanjing East Road Subdistrict (310101002)",
        ),
        (prefix("31"), "仅上海市（31）的行", "only rows of Shanghai (31)"),
        (prefix("310101002001"), "仅云南中路居委会（310101002001）的行", "only rows of 云南中路居委会 (310101002001)"),
        (prefix("999999"), "仅999999的行", "only rows of 999999"),
        (prefix("310108"), "仅310108的行", "only rows of 310108"),
        (
            any_of(prefix("310106"), prefix("310108")),
            "仅静安区（310106）的行，含原区划代码 310108",
            "only rows of Jing'an District (310106), including former code 310108",
        ),
        (
            any_of(prefix("310101"), prefix("310103"), prefix("310108")),
            "仅黄浦区（310101）的行，含原区划代码 310103、310108",
            "only rows of Huangpu District (310101), including former codes 310103, 310108",
        ),
        (
            any_of(prefix("310101"), prefix("310106")),
            "仅黄浦区（310101）、静安区（310106）的行",
            "only rows of Huangpu District (310101) or Jing'an District (310106)",
        ),
    ],
)
def test_a_row_filter_names_the_division(catalogue: Catalogue, row_filter: Predicate, zh: str, en: str) -> None:
    """Who reads a filter sees the place and its code; former codes are told as such."""
    text = rows_in_words(row_filter, dataset=catalogue.datasets[RESIDENT], catalogue=catalogue)
    assert (text.zh, text.en) == (zh, en)


@pytest.mark.parametrize(
    "row_filter",
    [
        Predicate(op=PredicateOp.EQ, column="sex", values=("1",)),
        any_of(prefix("310101"), Predicate(op=PredicateOp.IS_NULL, column="residence_division")),
        Predicate(op=PredicateOp.NOT, operands=(prefix("310101"),)),
        any_of(prefix("310101"), prefix("310101", column="registration_division")),
        prefix("310101", column="phone"),
    ],
)
def test_any_other_filter_is_told_whole(catalogue: Catalogue, row_filter: Predicate) -> None:
    """A filter that has no words of its own is shown as it is, never as something narrower."""
    text = rows_in_words(row_filter, dataset=catalogue.datasets[RESIDENT], catalogue=catalogue)
    for language in (text.zh, text.en):
        told = language[language.index("{") : language.rindex("}") + 1]
        assert Predicate.from_json(json.loads(told)) == row_filter


CLEAR = ColumnTreatment(action=ColumnAction.CLEAR)
PSEUDONYM = ColumnTreatment(action=ColumnAction.PSEUDONYM)
DENIED = ColumnTreatment(action=ColumnAction.DENY)


@pytest.mark.parametrize(
    ("treatment", "uses", "en"),
    [
        (PSEUDONYM, ["counted"], "counted only"),
        (CLEAR, ["summed"], "summed or averaged only, each value limited to {low} to {high}"),
        (CLEAR, ["counted", "summed"], "counted, summed or averaged only, each value limited to {low} to {high}"),
        (CLEAR, ["counted", "grouped"], "as it is"),
        (CLEAR, ["grouped"], "as it is"),
        (CLEAR, [], "as it is"),
        (DENIED, ["counted"], "not provided"),
    ],
)
def test_what_a_statistic_only_counts_or_sums_is_told_so(
    catalogue: Catalogue, treatment: ColumnTreatment, uses: list[str], en: str
) -> None:
    """A column that never leaves as a value is not told as if it did."""
    name, column = "population.household", "member_count"
    (cut,) = cuts_of(decision({column: treatment}, uses={column: uses}, dataset=name), catalogue=catalogue).columns
    clamp = catalogue.datasets[name].column(column).clamp
    assert cut.text.en == en.format(low=clamp.low, high=clamp.high)


def test_the_list_has_every_column_and_row_filter_in_order(catalogue: Catalogue) -> None:
    """Programs read the same list as JSON, sorted by dataset and column."""
    columns = {"sex": CLEAR, "name": ColumnTreatment(action=ColumnAction.PARTIAL, mask=Mask.NAME)}
    cuts = cuts_of(decision(columns, row_filter=prefix("310101002")), catalogue=catalogue)
    surname = {"zh": "只保留姓氏", "en": "surname only"}
    assert json.loads(cuts.columns_json()) == [
        {"dataset": RESIDENT, "column": "name", "action": "partial", "mask": "name", "text": surname},
        {
            "dataset": RESIDENT,
            "column": "sex",
            "action": "clear",
            "mask": None,
            "text": {"zh": "原样", "en": "as it is"},
        },
    ]
    (rows,) = json.loads(cuts.rows_json())
    assert rows["dataset"] == RESIDENT
    assert rows["text"]["zh"] == "仅南京东路街道（310101002）的行"


def test_a_denied_query_has_no_rows(catalogue: Catalogue) -> None:
    """What each column would be is told, which rows is not."""
    cuts = cuts_of(decision({"sex": CLEAR, "phone": DENIED}), catalogue=catalogue)
    assert [cut.column for cut in cuts.columns] == ["phone", "sex"]
    assert cuts.rows == ()
