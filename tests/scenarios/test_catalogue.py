"""The catalogue as requesters see it: pages, search, versions, freshness, quality, stops."""

from __future__ import annotations

import time
from collections.abc import Iterator

import grpc
import pytest

from catalog.load import load_catalogue
from catalog.quality import ColumnQuality, Quality, QualityRegister
from gateway.client import connect
from gateway.wiring import Gateway
from sharing_stubs.sharing.catalog.v1 import catalog_pb2, catalog_pb2_grpc
from tests.cities import City
from tests.large_catalogue import large_catalogue, serving_catalogue
from tests.lone_gateway import command_line, lone_gateway

RESIDENT, DWELLING, CODE = "population.resident", "housing.dwelling", "health.health_code"
WHO = "nanjing-east-road"
MANY = 10_000


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[City, Gateway]]:
    with lone_gateway(tmp_path_factory.mktemp("lone")) as running:
        yield running


@pytest.fixture(scope="module")
def city(running: tuple[City, Gateway]) -> City:
    return running[0]


@pytest.fixture(scope="module")
def register(running: tuple[City, Gateway]) -> QualityRegister:
    return running[1].path.quality


@pytest.fixture(scope="module")
def stub(city: City) -> Iterator[catalog_pb2_grpc.CatalogServiceStub]:
    with grpc.insecure_channel(city.profile(WHO).endpoint.removeprefix("grpc://")) as channel:
        yield catalog_pb2_grpc.CatalogServiceStub(channel)


def headers(city: City, who: str = WHO) -> list[tuple[str, str]]:
    return [("authorization", f"Bearer {city.profile(who).token}")]


def listed(city: City, stub: catalog_pb2_grpc.CatalogServiceStub, *, page_size: int) -> list[list[str]]:
    """Return the names on every page."""
    pages, token = [], ""
    while True:
        request = catalog_pb2.ListDatasetsRequest(page_size=page_size, page_token=token)
        page = stub.ListDatasets(request, metadata=headers(city))
        pages.append([dataset.name for dataset in page.datasets])
        token = page.next_page_token
        if not token:
            return pages


def found(city: City, stub: catalog_pb2_grpc.CatalogServiceStub, query: str) -> list[str]:
    request = catalog_pb2.SearchDatasetsRequest(query=query)
    return [dataset.name for dataset in stub.SearchDatasets(request, metadata=headers(city)).datasets]


def page(city: City, stub: catalog_pb2_grpc.CatalogServiceStub, name: str) -> catalog_pb2.GetDatasetResponse:
    return stub.GetDataset(catalog_pb2.GetDatasetRequest(name=name), metadata=headers(city))


@pytest.mark.parametrize("page_size", [0, 1, 2, -1, 1_000_000])
def test_pages_hold_each_dataset_once_in_order(city, stub, page_size):
    """Whatever the size of the pages, they list the same datasets sorted by name."""
    pages = listed(city, stub, page_size=page_size)
    names = [name for names in pages for name in names]
    assert names == sorted(set(names))
    assert RESIDENT in names
    assert page_size <= 0 or all(len(names) <= page_size for names in pages)


@pytest.mark.parametrize("query", ["实有人口", "Residents", "syrk", "shiyou"])
def test_search_finds_what_the_requester_may_use(city, stub, query):
    """Chinese, English and pinyin find it."""
    assert found(city, stub, query)[0] == RESIDENT


def test_search_tells_nothing_that_is_not_offered(city, stub):
    """A dataset for emergencies is not found, nor a dataset by a column that no purpose opens to the office."""
    assert found(city, stub, "健康码") == found(city, stub, "health_code") == []
    shown = {column.name for column in page(city, stub, RESIDENT).columns}
    assert "ethnicity" not in shown
    assert found(city, stub, "民族") == found(city, stub, "ethnicity") == found(city, stub, "minzu") == []


def test_a_page_shows_version_freshness_and_quality(city, stub, register):
    """As of when the data is, when it is due, that it is late, and what was counted in the columns that are offered."""
    columns = tuple(ColumnQuality(name=name, nulls=1, malformed=2, outside_codes=3) for name in ("phone", "ethnicity"))
    register.add(RESIDENT, Quality(at=1_700_000_000, rows=10, duplicate_keys=4, columns=columns))
    register.saw([(RESIDENT, 1_700_000_000)])
    shown = page(city, stub, RESIDENT)
    assert shown.summary.version == "1.0"
    freshness = shown.summary.freshness
    assert (freshness.as_of, freshness.late) == (1_700_000_000, True)
    assert 86_400 < freshness.due_at - freshness.as_of <= 2 * 86_400
    (quality,) = shown.quality
    assert (quality.at, quality.rows, quality.duplicate_keys) == (1_700_000_000, 10, 4)
    assert [(column.name, column.malformed) for column in quality.columns] == [("phone", 2)]
    register.saw([(RESIDENT, int(time.time()))])
    assert not page(city, stub, RESIDENT).summary.freshness.late


def test_what_is_not_known_is_not_told(city, stub):
    """Nobody has scanned it: neither fresh nor late, and no profiles."""
    shown = page(city, stub, DWELLING)
    assert shown.summary.freshness == catalog_pb2.Freshness()
    assert not shown.quality


def test_a_steward_sees_the_own_department_and_no_other(city, stub):
    """All columns of its datasets, emergency or not, and every purpose that anybody may use them for."""
    own = headers(city, "department-health")
    names = [d.name for d in stub.ListDatasets(catalog_pb2.ListDatasetsRequest(), metadata=own).datasets]
    assert names == [CODE, "health.vaccination"]
    code = stub.GetDataset(catalog_pb2.GetDatasetRequest(name=CODE), metadata=own)
    assert len(code.columns) == len(load_catalogue().datasets[CODE].columns)
    assert {purpose.id for purpose in code.purposes} == {"epidemic-control", "venue-verification"}
    for purpose in code.purposes:
        assert "street" in purpose.office_kinds
        assert "clerk" in purpose.roles
        assert set(purpose.datasets) <= {CODE, "health.vaccination"}
        assert {state.dataset for state in purpose.agreements} <= {CODE, "health.vaccination"}
    with pytest.raises(grpc.RpcError) as refused:
        stub.GetDataset(catalog_pb2.GetDatasetRequest(name=RESIDENT), metadata=own)
    assert refused.value.code() is grpc.StatusCode.PERMISSION_DENIED


def test_a_page_shows_keys_whose_columns_may_be_used_on_both_sides(city, stub):
    """A household's dwelling may be joined by this office; the head of a household is in no purpose of its own."""
    assert "head_resident_id" in str(load_catalogue().datasets["population.household"].foreign_keys)
    (key,) = page(city, stub, "population.household").foreign_keys
    assert (list(key.columns), key.referenced_dataset) == (["dwelling_code"], DWELLING)
    assert list(key.referenced_columns) == ["dwelling_code"]
    own = headers(city, "department-public_security")
    household = stub.GetDataset(catalog_pb2.GetDatasetRequest(name="population.household"), metadata=own)
    assert [key.referenced_dataset for key in household.foreign_keys] == [RESIDENT]


def test_the_requester_is_as_the_directory_says(city):
    """Name, office, roles, department and clearance with their titles; no department for a clerk."""
    with connect(city.profile(WHO)) as connection:
        clerk = connection.catalog.requester()
    assert (clerk.subject, clerk.display_name) == (WHO, "南京东路街道 办事员")
    assert (clerk.office, clerk.office_title.zh) == ("310101002", "南京东路街道")
    assert (list(clerk.roles), clerk.department, clerk.HasField("department_title")) == (["clerk"], "", False)
    assert (clerk.clearance, bool(clerk.clearance_title.en)) == ("general-3", True)
    with connect(city.profile("department-health")) as connection:
        steward = connection.catalog.requester()
    assert (list(steward.roles), steward.department) == (["steward"], "health")
    assert steward.department_title.en == "Shanghai Municipal Health Commission"


def test_a_dataset_that_is_not_served_says_why(city, stub):
    """No connector runs here; the page tells which dataset it is by its title and what to do, in both languages."""
    summary = page(city, stub, DWELLING).summary
    assert not summary.available
    assert f"“{summary.title.zh}”" in summary.unavailable_because.zh
    assert "Try again later" in summary.unavailable_because.en


def test_what_is_stopped_is_not_shown_as_available(city, stub):
    """A stopped column has no treatment, a stopped dataset is suspended, until the stop is lifted."""
    stops = []
    for kind, target in (("column", f"{RESIDENT}.phone"), ("dataset", DWELLING)):
        ended = command_line(city, "stop", kind, target, "--reason", "核查", who="administrator")
        assert ended.exit_code == 0, ended.output
        stops.append(target)
    treatments = {column.name: dict(column.treatments) for column in page(city, stub, RESIDENT).columns}
    assert treatments["phone"] == {}
    assert treatments["name"]
    assert "suspended" in page(city, stub, DWELLING).summary.unavailable_because.en
    assert "已停用" in command_line(city, "catalog", "show", RESIDENT, who=WHO).stdout


def test_the_command_line_lists_searches_and_shows(city):
    """Each command prints what its call answers."""
    assert RESIDENT in command_line(city, "catalog", "list", who=WHO).stdout
    assert RESIDENT in command_line(city, "catalog", "search", "实有", "人口", who=WHO).stdout
    shown = command_line(city, "catalog", "show", DWELLING, who=WHO).stdout
    assert "版本: 1.0" in shown
    assert "更新周期: weekly；数据截至 –" in shown
    assert "phone" in command_line(city, "catalog", "quality", RESIDENT, who=WHO).stdout


def test_ten_thousand_datasets_are_listed_and_found(running, city):
    """Two pages list all of them, and a search finds the one that was meant among all that match."""
    gateway = running[1]
    with serving_catalogue(gateway, large_catalogue(gateway.path.catalogue, count=MANY)) as many:
        pages = listed(city, many, page_size=0)
        assert [len(names) for names in pages] == [5_000] * 2
        one = catalog_pb2.SearchDatasetsRequest(query="part 04711 房屋 fw", page_size=5)
        answer = many.SearchDatasets(one, metadata=headers(city))
        assert [dataset.name for dataset in answer.datasets] == ["housing.part_04711"]
        answer = many.SearchDatasets(catalog_pb2.SearchDatasetsRequest(query="房屋"), metadata=headers(city))
        assert (len(answer.datasets), answer.total) == (50, MANY)


@pytest.mark.parametrize(("who", "whole"), [(WHO, False), ("department-health", False), ("auditor", True)])
def test_everybody_may_know_the_offices_and_departments(city, who, whole):
    """Ids stand in agreements, needs and the log; who they are is no secret. What there is to use is told to oversight only."""
    with connect(city.profile(who)) as connection:
        listed = connection.catalog.names()
    assert [(len(names) > 5) for names in (listed.purposes, listed.datasets)] == [whole, whole]
    (office,) = [office for office in listed.offices if office.id == "310101002"]
    assert (office.title.zh, office.division) == ("南京东路街道", "310101002")
    assert [one.title.zh for one in listed.departments if one.id == "health"] == ["上海市卫生健康委员会"]
