"""What Tab offers in `gateway query`."""

from __future__ import annotations

from collections.abc import Sequence

import grpc
import pytest
from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.document import Document

from catalog.dataset import Text
from gateway.client import Unavailable
from gateway.client.catalogue_names import CatalogueNames
from gateway.doors.cli.completion import StatementCompleter
from sharing_stubs.sharing.catalog.v1 import catalog_pb2 as pb

RESIDENT, DWELLING = "population.resident", "housing.dwelling"


def title(zh: str) -> pb.Text:
    return pb.Text(zh=zh, en=f"{zh} in English")


COLUMNS = {
    RESIDENT: [
        pb.ColumnDescription(name="name", title=title("姓名"), treatments={"visits": "clear"}),
        pb.ColumnDescription(name="resident_id", title=title("身份证号"), treatments={"epidemic": "clear"}),
        pb.ColumnDescription(name="dwelling_code", title=title("房屋编码"), treatments={"visits": "clear"}),
    ],
    DWELLING: [
        pb.ColumnDescription(name="dwelling_code", title=title("房屋编码"), treatments={"visits": "clear"}),
        pb.ColumnDescription(name="name", title=title("小区名称"), treatments={"visits": "partial:name"}),
    ],
}


class FakeCatalog:
    """Two datasets and two purposes; counts what it is asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.down = False

    def _ask(self, what: str) -> None:
        if self.down:
            raise Unavailable(grpc.StatusCode.UNAVAILABLE, "")
        self.asked.append(what)

    def datasets(self) -> Sequence[pb.DatasetSummary]:
        self._ask("datasets")
        return [
            pb.DatasetSummary(name=RESIDENT, title=title("实有人口"), purposes=["visits", "epidemic"]),
            pb.DatasetSummary(name=DWELLING, title=title("房屋"), purposes=["visits"]),
        ]

    def dataset(self, name: str) -> pb.GetDatasetResponse:
        self._ask(name)
        return pb.GetDatasetResponse(columns=COLUMNS[name])

    def purposes(self) -> Sequence[pb.PurposeDescription]:
        self._ask("purposes")
        return [
            pb.PurposeDescription(id="visits", title=title("走访")),
            pb.PurposeDescription(id="epidemic", title=title("防疫")),
        ]


@pytest.fixture
def catalog() -> FakeCatalog:
    return FakeCatalog()


def offered(catalog: FakeCatalog, text: str, *, purpose: str = "") -> dict[str, str]:
    """Return what is offered where `|` stands, or at the end."""
    before, _, after = text.partition("|")
    completer = StatementCompleter(
        CatalogueNames(catalog),
        purpose=lambda: purpose,
        commands={"\\purpose": Text(zh="申报", en="declare"), "\\page": Text(zh="翻看", en="look")},
        words=lambda text: text.zh,
    )
    found = completer.get_completions(Document(before + after, cursor_position=len(before)), CompleteEvent())
    return {completion.text: completion.display_meta_text for completion in found}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("SELECT * FROM pop", {RESIDENT: "实有人口"}),
        ("SELECT * FROM ", {RESIDENT: "实有人口", DWELLING: "房屋"}),
        ("SELECT * FROM dwel", {DWELLING: "房屋"}),
        ("SELECT * FROM population.resident r\nJOIN housing.", {DWELLING: "房屋"}),
        ("SELECT * FROM 人口", {RESIDENT: "实有人口"}),
        ("SELECT id| FROM population.resident", {"resident_id": "身份证号"}),
        ("SELECT 身份| FROM population.resident", {"resident_id": "身份证号"}),
        ("SELECT r.na| FROM population.resident AS r JOIN housing.dwelling d", {"name": "姓名"}),
        ("SELECT d.na| FROM population.resident AS r JOIN housing.dwelling d", {"name": "小区名称"}),
        ("SELECT population.resident.na| FROM population.resident", {"name": "姓名"}),
        ("SELECT name FROM population.resident wher", {"WHERE": ""}),
        ("SELECT name FROM population.resident WHERE name = 'na", {}),
        (
            "SELECT name FROM population.resident WHERE name = 'FROM x' AND resi|",
            {"resident_id": "身份证号", RESIDENT: "实有人口"},
        ),
        ("\\p", {"\\purpose": "申报", "\\page": "翻看"}),
        ("\\purpose e", {"epidemic": "防疫"}),
        ("\\purpose 走", {"visits": "走访"}),
        ("\\explain SELECT * FROM hou", {DWELLING: "房屋"}),
    ],
)
def test_what_may_stand_there_is_offered_with_its_title(catalog, text, expected):
    """Datasets after FROM, columns of the tables named anywhere, by any part of their name or by their title."""
    assert offered(catalog, text) == expected


def test_only_what_the_declared_purpose_opens_is_offered(catalog):
    """With a purpose, datasets and columns it does not open are left out, and the treatment stands beside the title."""
    assert offered(catalog, "SELECT * FROM ", purpose="epidemic") == {RESIDENT: "实有人口"}
    assert offered(catalog, "SELECT na| FROM housing.dwelling", purpose="visits") == {"name": "小区名称  partial:name"}
    assert offered(catalog, "SELECT resi| FROM population.resident", purpose="visits") == {RESIDENT: "实有人口"}


def test_columns_are_offered_before_a_dataset_is_named(catalog):
    """A statement begins with its columns: those of everything that the declared purpose opens."""
    assert offered(catalog, "SELECT 房屋", purpose="visits")["dwelling_code"] == "房屋编码  clear"
    assert "dwelling_code" not in offered(catalog, "SELECT 房屋")


def test_the_catalogue_is_asked_once(catalog):
    """However much is typed, a dataset is described once."""
    names = CatalogueNames(catalog)
    for _ in range(3):
        names.columns(RESIDENT), names.datasets(), names.purposes()
    assert sorted(catalog.asked) == ["datasets", RESIDENT, "purposes"]


def test_nothing_is_offered_while_the_gateway_is_down(catalog):
    """Tab stays silent, and works again when the gateway does."""
    catalog.down = True
    assert offered(catalog, "SELECT * FROM ") == {}
    catalog.down = False
    assert offered(catalog, "SELECT * FROM ")


def test_titles_of_columns_that_mean_different_things_are_not_shown(catalog):
    """`name` is a person's in one dataset and an estate's in the other, so a join's `name` has no title."""
    names = CatalogueNames(catalog)
    assert names.titles([RESIDENT])["name"].zh == "姓名"
    assert set(names.titles([RESIDENT, DWELLING])) == {"resident_id", "dwelling_code"}
