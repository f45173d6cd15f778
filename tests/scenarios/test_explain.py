"""What explain and the catalogue tell before a query, and the result after it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from catalog.dataset import Text
from catalog.governance import AgreementRecord, Declaration, sign_declaration
from catalog.governance.register import GovernanceRegister
from gateway.client import connect
from gateway.doors.cli.keys import signing_key
from sharing_stubs.sharing.catalog.v1 import catalog_pb2, catalog_pb2_grpc
from tests.cities import City
from tests.governing import SIGNERS
from tests.lone_gateway import command_line, lone_gateway

WHO, STREET = "nanjing-east-road", "310101002"
GRID, EPIDEMIC, FIRE = "grid-inspection", "epidemic-control", "fire-safety-inspection"
RESIDENT, CODE = "population.resident", "health.health_code"
RESIDENTS = "SELECT name, phone, sex FROM population.resident"
NOW = int(time.time())
AGREED = AgreementRecord(
    id="agreement-1",
    controller="public_security",
    recipient="310101",
    datasets=(RESIDENT,),
    purposes=(GRID,),
    valid_from=NOW - 60,
    valid_until=NOW + 86_400,
    signed_by="steward",
    signed_at=NOW - 60,
)


@pytest.fixture(scope="module")
def lone_and_register(tmp_path_factory: pytest.TempPathFactory):
    with lone_gateway(tmp_path_factory.mktemp("lone")) as (city, gateway):
        yield city, gateway.registers.governance


@pytest.fixture(scope="module")
def lone(lone_and_register):
    """A gateway without departments, in which public security has agreed to grid inspection in Huangpu."""
    city, register = lone_and_register
    register.sign_agreement(AGREED, witness=lambda: None)
    return city


@contextmanager
def emergency(city: City, register: GovernanceRegister, *, area: str) -> Iterator[str]:
    """Declare an emergency that two signers signed, and end it."""
    title = Text(zh="演练", en="Exercise")
    declaration = Declaration(
        id=f"exercise-{area}", title=title, area=area, purposes=(EPIDEMIC,), starts_at=NOW - 60, ends_at=NOW + 3600
    )
    signatures = [
        sign_declaration(declaration, signer=signer, key=signing_key(city.data / "keys" / f"{signer}.pem"))
        for signer in SIGNERS
    ]
    register.declare_emergency(declaration, signatures=signatures, by="administrator", witness=lambda: None)
    try:
        yield declaration.id
    finally:
        register.end_emergency(declaration.id, by="administrator", reason="over", witness=lambda: None)


def catalog(city: City, method: str, request: object, *, purpose: str = "", who: str = WHO):
    connection = connect(city.profile(who))
    try:
        call = getattr(catalog_pb2_grpc.CatalogServiceStub(connection.channel), method)
        return call(request, metadata=connection.headers(purpose=purpose))
    finally:
        connection.close()


def explain(city: City, sql: str, *, purpose: str, who: str = WHO) -> catalog_pb2.ExplainQueryResponse:
    return catalog(city, "ExplainQuery", catalog_pb2.ExplainQueryRequest(sql=sql), purpose=purpose, who=who)


def as_json(text: catalog_pb2.Text) -> dict[str, str]:
    return {"zh": text.zh, "en": text.en}


@pytest.mark.parametrize(
    ("who", "purpose", "sql"),
    [
        (WHO, GRID, RESIDENTS),
        (
            "district-huangpu",
            "population-statistics",
            "SELECT sex, count(DISTINCT resident_id) AS people FROM population.resident GROUP BY sex",
        ),
    ],
)
def test_the_result_carries_the_list_that_explain_tells(city, who, purpose, sql):
    """Columns, rows and obligations in a result's schema are those of the explanation, word for word."""
    told = explain(city, sql, purpose=purpose, who=who)
    metadata = city.ask(sql, purpose=purpose, who=who).table.schema.metadata
    assert json.loads(metadata[b"sharing.cuts"]) == [
        {
            "dataset": cut.dataset,
            "column": cut.column,
            "action": cut.action,
            "mask": cut.mask or None,
            "text": as_json(cut.text),
        }
        for cut in told.columns
    ]
    assert json.loads(metadata[b"sharing.rows"]) == [
        {"dataset": rows.dataset, "text": as_json(rows.text)} for rows in told.rows
    ]
    assert json.loads(metadata[b"sharing.obligations"]) == {
        "retention_days": told.obligations.retention_days,
        "onward_sharing": told.obligations.onward_sharing,
        "grade": told.obligations.grade,
        "agreements": [agreement.id for agreement in told.obligations.agreements],
        "emergency": told.obligations.emergency or None,
    }


def test_an_allowed_query_is_explained_with_everything_it_rests_on(lone):
    """Treatments and rows in words, rules with their articles, agreement, obligations and what is left of the quota."""
    told = explain(lone, RESIDENTS, purpose=GRID)
    assert told.allow
    assert {cut.column: cut.text.en for cut in told.columns} == {
        "name": "surname only",
        "phone": "the first three and last four digits only",
        "sex": "as it is",
    }
    (rows,) = told.rows
    assert rows.text.zh == "仅南京东路街道（310101002）的行"
    assert [rule.id for rule in told.rules] == sorted(rule.id for rule in told.rules)
    assert len(told.rules) == len(RULES)
    assert all(rule.title.zh and rule.title.en and rule.legal_basis.zh and rule.legal_basis.en for rule in told.rules)
    (agreement,) = told.obligations.agreements
    assert (agreement.id, agreement.controller.zh, agreement.valid_until) == (
        AGREED.id,
        "上海市公安局",
        AGREED.valid_until,
    )
    assert told.quota.rows_left == told.quota.rows_per_day_max > 0
    assert told.obligations.retention_days > 0
    assert all("《" in basis.zh for basis in told.legal_basis)


RULES = {
    path.stem
    for path in (Path(__file__).parents[2] / "policies" / "sharing" / "access").glob("*/*.rego")
    if path.stem == path.parent.name
    and f"{path.stem}.established" in (path.parents[1] / "access.rego").read_text("utf-8")
}


def test_a_denied_query_is_explained_with_every_reason_and_remedy(lone):
    """Each reason names its article and what to do; what the columns would be is told, which rule denied is not."""
    told = explain(lone, "SELECT address FROM housing.dwelling", purpose=GRID)
    assert not told.allow
    (denial,) = told.denials
    assert denial.code == "AGREEMENT_MISSING"
    assert "Shanghai Housing Administration Bureau" in denial.remedy.en
    assert denial.legal_basis.zh
    assert [cut.column for cut in told.columns] == ["address"]
    assert list(told.rules) == []
    assert not told.HasField("obligations")
    assert told.HasField("quota")


def test_the_command_line_shows_an_explanation_in_both_languages(lone):
    """A clerk reads what each column would be, the rows, the rules and the articles."""
    chinese = command_line(lone, "explain", "--purpose", GRID, RESIDENTS, who=WHO)
    assert chinese.exit_code == 0
    for text in (
        "✓ 允许",
        "原样",
        "partial:phone",
        "仅南京东路街道（310101002）的行",
        "协议: agreement-1",
        "今日限额",
        "《",
    ):
        assert text in chinese.stdout
    english = command_line(lone, "explain", "--purpose", GRID, RESIDENTS, "--language", "en", who=WHO)
    for text in (
        "✓ allowed",
        "surname only",
        "only rows of Nanjing East Road Subdistrict",
        "Quota today",
        "Obligations",
    ):
        assert text in english.stdout
    denied = command_line(lone, "explain", "--purpose", GRID, "SELECT address FROM housing.dwelling", who=WHO)
    assert denied.exit_code == 3
    for text in ("✗ 拒绝", "AGREEMENT_MISSING", "办法", "若无上述原因"):
        assert text in denied.stdout


def test_a_role_needs_an_office(lone):
    """`--as-role` alone is a wrong option."""
    ended = command_line(lone, "explain", "--as-role", "clerk", "--purpose", GRID, RESIDENTS, who="administrator")
    assert ended.exit_code == 2


def purposes(city: City, who: str = WHO) -> dict[str, catalog_pb2.PurposeDescription]:
    answer = catalog(city, "ListPurposes", catalog_pb2.ListPurposesRequest(), who=who)
    return {purpose.id: purpose for purpose in answer.purposes}


def test_a_purpose_tells_what_it_needs(lone):
    """Form of the case number, consent, emergency, quota, and the agreements that are in force or missing."""
    shown = purposes(lone)
    assert shown["social-assistance-check"].case_pattern
    assert shown["window-service"].consent_required
    assert shown["window-service"].quota.HasField("lookups_left")
    assert shown[EPIDEMIC].emergency_required
    assert shown[EPIDEMIC].emergency == ""
    states = {state.dataset: state for state in shown[GRID].agreements}
    assert states[RESIDENT].agreement == AGREED.id
    missing = states["housing.dwelling"]
    assert missing.agreement == ""
    assert (missing.controller.zh, missing.controller.en) == (
        "上海市房屋管理局",
        "Shanghai Housing Administration Bureau",
    )


def test_an_agreement_with_another_district_is_missing_here(lone):
    """What Huangpu agreed is not told to a street of Putuo as its own."""
    states = {state.dataset: state for state in purposes(lone, who="changfeng")[GRID].agreements}
    assert states[RESIDENT].agreement == ""


def test_data_for_emergencies_is_hidden_in_everyday_work(lone):
    """Without an emergency the dataset answers like one that does not exist, in every list."""
    listed = catalog(lone, "ListDatasets", catalog_pb2.ListDatasetsRequest())
    assert RESIDENT in [dataset.name for dataset in listed.datasets]
    assert CODE not in [dataset.name for dataset in listed.datasets]
    assert all(CODE not in purpose.datasets for purpose in purposes(lone).values())
    unknown = command_line(lone, "catalog", "show", "health.nosuch", who=WHO)
    hidden = command_line(lone, "catalog", "show", CODE, who=WHO)
    assert hidden.exit_code == unknown.exit_code == 3
    assert hidden.stderr.replace(CODE, "") == unknown.stderr.replace("health.nosuch", "")


def test_an_emergency_shows_it_where_it_is_in_force_and_while_it_lasts(lone, lone_and_register):
    """The clerk of the area sees dataset and emergency, another district's clerk sees neither, nor anybody after its end."""
    with emergency(*lone_and_register, area="310101") as declared:
        assert purposes(lone)[EPIDEMIC].emergency == declared
        assert CODE in purposes(lone)[EPIDEMIC].datasets
        assert EPIDEMIC in catalog(lone, "GetDataset", catalog_pb2.GetDatasetRequest(name=CODE)).summary.purposes
        elsewhere = purposes(lone, who="changfeng")[EPIDEMIC]
        assert (elsewhere.emergency, CODE in elsewhere.datasets) == ("", False)
    assert purposes(lone)[EPIDEMIC].emergency == ""
    assert CODE not in purposes(lone)[EPIDEMIC].datasets


def test_a_dataset_tells_its_purposes_and_what_each_needs(lone):
    """The list names the purposes of each dataset, its page the needs of each."""
    listed = catalog(lone, "ListDatasets", catalog_pb2.ListDatasetsRequest())
    (summary,) = [dataset for dataset in listed.datasets if dataset.name == RESIDENT]
    shown = catalog(lone, "GetDataset", catalog_pb2.GetDatasetRequest(name=RESIDENT))
    assert list(summary.purposes) == [purpose.id for purpose in shown.purposes]
    assert GRID in summary.purposes
    printed = command_line(lone, "catalog", "show", RESIDENT, who=WHO).stdout
    assert f"协议 {RESIDENT}: ✓ agreement-1" in printed
    assert f"协议 {RESIDENT}: ✗ 没有，请联系上海市公安局" in printed
