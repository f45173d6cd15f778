"""Needs, refusals and corrections against the catalogue."""

from __future__ import annotations

from dataclasses import replace

import pytest

from catalog.catalogue import Catalogue
from catalog.governance import GovernanceRefused
from catalog.load import load_catalogue
from catalog.requests import NeedState, agreement_of_need, check_correction, check_need, check_refusal
from tests.unit.catalog.requests.filed import CORRECTION, NEED, at

ASKED = replace(NEED, controller="", working_days=0)
UNCATALOGUED = replace(ASKED, controller="housing", dataset="", columns=())


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue()


def test_a_need_for_a_catalogued_dataset_goes_to_its_controller_in_ten_days(catalogue: Catalogue):
    """Nobody has to know whose dataset it is, and what is not said about columns means all that the purpose opens."""
    purpose = catalogue.purposes[ASKED.purpose]
    need = check_need(replace(ASKED, columns=()), purpose=purpose, catalogue=catalogue)
    assert (need.controller, need.working_days) == ("housing", 10)
    assert need.columns == tuple(sorted(purpose.need("housing.dwelling").columns))
    assert check_need(ASKED, purpose=purpose, catalogue=catalogue).columns == ("address", "dwelling_code")


def test_whoever_asks_for_columns_of_a_look_up_asks_for_its_key(catalogue: Catalogue):
    """An agreement without the key by which the purpose looks people up would be of no use."""
    purpose = catalogue.purposes["window-service"]
    need = replace(ASKED, purpose=purpose.id, dataset="population.resident", columns=("name",))
    assert check_need(need, purpose=purpose, catalogue=catalogue).columns == ("name", "resident_id")


def test_a_need_for_data_that_is_not_catalogued_is_answered_in_fifteen_days(catalogue: Catalogue):
    """The Shanghai Data Regulation, article 39, gives the controller fifteen working days."""
    need = check_need(UNCATALOGUED, purpose=catalogue.purposes[ASKED.purpose], catalogue=catalogue)
    assert (need.controller, need.working_days, need.columns) == ("housing", 15, ())


@pytest.mark.parametrize(
    ("need", "why"),
    [
        (replace(ASKED, scenario=" "), "give the reason"),
        (replace(ASKED, scenario="给 11010519491231002X 送餐"), "resident ID"),
        (replace(ASKED, needed_until=ASKED.filed_at), "ahead"),
        (replace(ASKED, needed_until=ASKED.filed_at + 6 * 366 * 86_400), "within five years"),
        (replace(ASKED, dataset="housing.secret"), "does not use"),
        (replace(ASKED, dataset="health.vaccination"), "does not use"),
        (replace(ASKED, controller="health"), "does not use"),
        (replace(ASKED, columns=("address", "no_such_column")), "'no_such_column'"),
        (replace(UNCATALOGUED, controller="water"), "no department 'water'"),
        (replace(UNCATALOGUED, columns=("address",)), "has no columns"),
    ],
)
def test_what_does_not_fit_is_not_filed(need, why: str, catalogue: Catalogue):
    """A need states a bounded time, a scenario without personal data, and asks for what its purpose opens, of whose it is."""
    with pytest.raises(GovernanceRefused, match=why):
        check_need(need, purpose=catalogue.purposes[need.purpose], catalogue=catalogue)


def test_a_need_is_filed_for_a_purpose_of_the_office_only(catalogue: Catalogue):
    """Without a purpose that is open to the office there is nothing to agree about."""
    with pytest.raises(GovernanceRefused, match="not open to your office"):
        check_need(ASKED, purpose=None, catalogue=catalogue)


def test_unconditional_datasets_are_not_needed_but_queried(catalogue: Catalogue):
    """What is shared without condition needs no agreement."""
    purpose = catalogue.purposes["enterprise-visits"]
    need = replace(ASKED, purpose=purpose.id, dataset="legal_entity.enterprise", columns=())
    open_datasets = {
        name: d.model_copy(update={"sharing_class": "unconditional"}) for name, d in catalogue.datasets.items()
    }
    with pytest.raises(GovernanceRefused, match="needs no agreement"):
        check_need(need, purpose=purpose, catalogue=replace(catalogue, datasets=open_datasets))


ACCEPTED = replace(
    NEED,
    state=NeedState.ACCEPTED,
    agreement="housing-fire",
    answered_at=at("2026-02-14 10:00"),
    answered_by="department-housing",
    answer="仅限消防检查",
)


def test_an_agreement_is_exactly_what_was_needed(catalogue: Catalogue):
    """It is for the office that asked, its purpose and columns, on the steward's terms, from the answer for as long as needed."""
    agreement = agreement_of_need(ACCEPTED, valid_until=0, catalogue=catalogue)
    assert (agreement.id, agreement.office, agreement.recipient) == ("housing-fire", "310101002", "310101002")
    assert agreement.columns == ("housing.dwelling.address", "housing.dwelling.dwelling_code")
    assert (agreement.purposes, agreement.terms) == (("fire-safety-inspection",), "仅限消防检查")
    assert (agreement.valid_from, agreement.valid_until) == (ACCEPTED.answered_at, NEED.needed_until)
    assert agreement_of_need(ACCEPTED, valid_until=at("2026-03-31 00:00"), catalogue=catalogue).valid_until == at(
        "2026-03-31 00:00"
    )


def test_an_agreement_is_never_longer_than_needed(catalogue: Catalogue):
    """A steward who gives more time than was asked for is refused."""
    with pytest.raises(GovernanceRefused, match="longer than the data is needed"):
        agreement_of_need(ACCEPTED, valid_until=NEED.needed_until + 1, catalogue=catalogue)


@pytest.mark.parametrize("basis", ["", "because", "epidemic-control-only"])
def test_a_refusal_rests_on_the_negative_list(basis: str, catalogue: Catalogue):
    """No other ground counts, nor one that is another department's."""
    check_refusal(NEED, basis="beyond-duty", catalogue=catalogue)
    check_refusal(replace(NEED, controller="health"), basis="epidemic-control-only", catalogue=catalogue)
    with pytest.raises(GovernanceRefused, match="no ground of the negative list"):
        check_refusal(NEED, basis=basis, catalogue=catalogue)


@pytest.mark.parametrize(
    ("changes", "entity_key", "why"),
    [
        ({"columns": ()}, "3101010020010001", "name the columns"),
        ({}, " ", "which record"),
        ({}, "9" * 256, "which record"),
        ({"remark": ""}, "3101010020010001", "give the reason"),
        (
            {"remark": "层数不对：３１０１ ０１００２００１０００１"},
            "3101010020010001",
            "may not hold the record's key",
        ),
        ({"remark": "310101-0020010-001"}, "3101010020010001", "may not hold the record's key"),
        ({"remark": "31010100\u200b20010\u2060001"}, "3101010020010001", "may not hold the record's key"),
        ({"remark": "LOT7 的层数不对"}, "lot-\u200b7", "may not hold the record's key"),
        ({}, "-\u200b-", "which record"),
    ],
)
def test_a_correction_says_what_is_wrong_and_not_with_whom(changes: dict[str, object], entity_key: str, why: str):
    """The remark, which many read, does not name the record, however it is written."""
    check_correction(CORRECTION, entity_key="3101010020010001")
    with pytest.raises(GovernanceRefused, match=why):
        check_correction(replace(CORRECTION, **changes), entity_key=entity_key)
