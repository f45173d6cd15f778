"""Metadata commands: the schemas of Flight SQL, and only names that the catalogue shows the requester."""

from __future__ import annotations

import dataclasses
import json

import pyarrow as pa
import pytest
import sqlglot.expressions as exp
from google.protobuf.message import Message

from catalog.catalogue import Catalogue
from catalog.governance import Stop, StopKind
from catalog.load import load_catalogue
from catalog.purpose import Treatment
from catalog.vocabulary import ColumnAction, OfficeKind, Role
from gateway.doors.flight_sql import keys, metadata, tables
from gateway.doors.flight_sql.shown_tables import ShownTable
from gateway.doors.offers import Offers
from gateway.errors import Bug
from gateway.model.requester import Requester
from gateway.parse import EngineParser, parse
from sharing_stubs.arrow.flight.sql import flight_sql_pb2 as sql

GRID, ELDERLY = "grid-inspection", "elderly-care-visits"
RESIDENT = "population.resident"
HIDDEN = (b"health_code", b"access_log", b"bank_account", b"head_resident_id")
"""Names that nothing opens to the clerk of a street."""
CLERK = Requester(
    subject="clerk",
    token_id="t",
    office="310101002",
    office_kind=OfficeKind.STREET,
    division_code="310101002",
    roles=frozenset({Role.CLERK}),
    clearance="general-3",
    department=None,
)
FOREIGN_KEYS = """pk_catalog_name: string
pk_db_schema_name: string
pk_table_name: string not null
pk_column_name: string not null
fk_catalog_name: string
fk_db_schema_name: string
fk_table_name: string not null
fk_column_name: string not null
key_sequence: int32 not null
fk_key_name: string
pk_key_name: string
update_rule: uint8 not null
delete_rule: uint8 not null"""
TABLES = """catalog_name: string
db_schema_name: string
table_name: string not null
table_type: string not null"""
COMMANDS: list[tuple[Message, str]] = [
    (sql.CommandGetCatalogs(), "catalog_name: string not null"),
    (sql.CommandGetDbSchemas(), "catalog_name: string\ndb_schema_name: string not null"),
    (sql.CommandGetTables(), TABLES),
    (sql.CommandGetTables(include_schema=True), TABLES + "\ntable_schema: binary not null"),
    (sql.CommandGetTableTypes(), "table_type: string not null"),
    (
        sql.CommandGetPrimaryKeys(table="resident"),
        """catalog_name: string
db_schema_name: string
table_name: string not null
column_name: string not null
key_name: string
key_sequence: int32 not null""",
    ),
    (sql.CommandGetExportedKeys(table="resident"), FOREIGN_KEYS),
    (sql.CommandGetImportedKeys(table="resident"), FOREIGN_KEYS),
    (sql.CommandGetCrossReference(pk_table="household", fk_table="resident"), FOREIGN_KEYS),
    (
        sql.CommandGetXdbcTypeInfo(),
        """type_name: string not null
data_type: int32 not null
column_size: int32
literal_prefix: string
literal_suffix: string
create_params: list<item: string not null>
nullable: int32 not null
case_sensitive: bool not null
searchable: int32 not null
unsigned_attribute: bool
fixed_prec_scale: bool not null
auto_increment: bool
local_type_name: string
minimum_scale: int32
maximum_scale: int32
sql_data_type: int32 not null
datetime_subcode: int32
num_prec_radix: int32
interval_precision: int32""",
    ),
    (
        sql.CommandGetSqlInfo(),
        """info_name: uint32 not null
value: dense_union<string_value: string=0, bool_value: bool=1, bigint_value: int64=2, int32_bitmask: int32=3, """
        """string_list: list<string_data: string>=4, int32_to_int32_list_map: map<int32, list<$data$: int32>>=5> not null""",
    ),
]


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue()


@pytest.fixture
def offers(catalogue: Catalogue) -> Offers:
    return Offers(requester=CLERK, time=1_800_000_000, catalogue=catalogue, emergencies=(), agreements=(), stops=())


def table_names(offers: Offers, *, purpose: str = "", **filters: object) -> list[str]:
    answer = metadata.answer(sql.CommandGetTables(**filters), offers=offers, purpose=purpose)
    return [f"{row['db_schema_name']}.{row['table_name']}" for row in answer.to_pylist()]


def schemas(offers: Offers, *, purpose: str = "") -> dict[str, pa.Schema]:
    answer = metadata.answer(sql.CommandGetTables(include_schema=True), offers=offers, purpose=purpose)
    return {
        f"{row['db_schema_name']}.{row['table_name']}": pa.ipc.read_schema(pa.py_buffer(row["table_schema"]))
        for row in answer.to_pylist()
    }


@pytest.mark.parametrize(("command", "schema"), COMMANDS)
def test_every_answer_has_the_schema_of_the_specification(offers: Offers, command: Message, schema: str) -> None:
    """Names, types, order and nullability are those that Flight SQL fixes, before and after the call."""
    answer = metadata.answer(command, offers=offers, purpose="")
    answer.validate(full=True)
    assert answer.schema == metadata.schema_of(command)
    fields = [f"{field.name}: {field.type}{'' if field.nullable else ' not null'}" for field in answer.schema]
    assert fields == schema.splitlines()


def test_another_command_is_a_bug(offers: Offers) -> None:
    """What is no metadata command has no answer here."""
    with pytest.raises(Bug):
        metadata.schema_of(sql.CommandStatementQuery())
    with pytest.raises(Bug):
        metadata.answer(sql.CommandStatementQuery(), offers=offers, purpose="")


def test_tables_and_columns_are_those_of_the_catalogue(offers: Offers) -> None:
    """Every dataset that some purpose opens is a table, sorted by name, with the columns the requester may know of."""
    opened = offers.opened()
    assert table_names(offers) == sorted(opened)
    for name, schema in schemas(offers).items():
        assert set(schema.names) == offers.visible(name, needs=opened[name])
    answer = metadata.answer(sql.CommandGetDbSchemas(), offers=offers, purpose="")
    assert answer["db_schema_name"].to_pylist() == sorted({name.partition(".")[0] for name in opened})


def everything_told(offers: Offers, *, purpose: str) -> bytes:
    """Return all that the metadata commands answer, whichever table is asked for."""
    asked: list[Message] = [command for command, _ in COMMANDS]
    for name in offers.catalogue.datasets:
        table = name.partition(".")[2]
        asked += [
            sql.CommandGetPrimaryKeys(table=table),
            sql.CommandGetExportedKeys(table=table),
            sql.CommandGetImportedKeys(table=table),
        ]
    told = [metadata.answer(command, offers=offers, purpose=purpose) for command in asked]
    listed = [info.SerializeToString() for info in metadata.list_flights(offers, purpose=purpose, expression=b"")]
    return b"".join([*(str(answer.to_pylist()).encode() for answer in told), *listed])


@pytest.mark.parametrize("purpose", ["", GRID, "epidemic-control"])
def test_what_is_not_opened_is_never_named(offers: Offers, purpose: str) -> None:
    """No answer holds the name of a dataset or column that no purpose opens to the requester."""
    told = everything_told(offers, purpose=purpose)
    assert [name for name in HIDDEN if name in told] == []


def test_twin_everything_shown_names_them(offers: Offers) -> None:
    """The twin: were all of the catalogue shown, the same commands would tell the hidden names."""
    shown = [
        ShownTable(dataset=dataset, needs={}, columns=frozenset(column.name for column in dataset.columns))
        for dataset in offers.catalogue.datasets.values()
    ]
    command = sql.CommandGetTables(include_schema=True)
    told = str(tables.tables(command, shown=shown, offers=offers).to_pylist()).encode()
    told += str(keys.exported_keys(sql.CommandGetExportedKeys(table="access_log"), shown=shown).to_pylist()).encode()
    assert [name for name in HIDDEN if name in told] == list(HIDDEN)


def test_a_declared_purpose_narrows_what_is_shown(offers: Offers, catalogue: Catalogue) -> None:
    """With a purpose, tables, columns and treatments are its own."""
    needs = {need.dataset: need for need in catalogue.purposes[GRID].datasets}
    shown = schemas(offers, purpose=GRID)
    assert sorted(shown) == sorted(needs)
    for name, schema in shown.items():
        assert set(schema.names) == set(needs[name].columns)
        assert all(set(json.loads(field.metadata[b"sharing.treatments"])) == {GRID} for field in schema)


@pytest.mark.parametrize("purpose", ["no-such-purpose", "supervision-review"])
def test_a_purpose_of_others_shows_nothing(offers: Offers, purpose: str) -> None:
    """A purpose that is unknown, or not open to the requester, opens no table."""
    assert table_names(offers, purpose=purpose) == []


def test_a_steward_sees_the_departments_own_datasets(offers: Offers) -> None:
    """All columns of the department's own tables are shown, and with a purpose only its own."""
    steward = dataclasses.replace(
        CLERK, office_kind=OfficeKind.DEPARTMENT, roles=frozenset({Role.STEWARD}), department="public_security"
    )
    offers = dataclasses.replace(offers, requester=steward)
    dataset = offers.catalogue.datasets[RESIDENT]
    assert schemas(offers)[RESIDENT].names == [column.name for column in dataset.columns]
    need = offers.catalogue.purposes[GRID].need(RESIDENT)
    assert need is not None
    assert set(schemas(offers, purpose=GRID)[RESIDENT].names) == set(need.columns)


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"db_schema_filter_pattern": "pop%"}, ["population.household", RESIDENT]),
        ({"table_name_filter_pattern": "resi_ent"}, [RESIDENT]),
        ({"db_schema_filter_pattern": "legal\\_entity", "table_name_filter_pattern": "lic%"}, ["legal_entity.licence"]),
        ({"db_schema_filter_pattern": "legal-entity"}, []),
        ({"db_schema_filter_pattern": "legal\\-entity"}, []),
        ({"table_name_filter_pattern": "resident", "table_types": ["VIEW", "TABLE"]}, [RESIDENT]),
        ({"table_types": ["VIEW"]}, []),
        ({"table_name_filter_pattern": "resident", "catalog": ""}, [RESIDENT]),
        ({"catalog": "city"}, []),
        ({"db_schema_filter_pattern": ""}, []),
        ({"table_name_filter_pattern": "%a" * 30_000}, []),
        ({"table_name_filter_pattern": ".*"}, []),
    ],
)
def test_filters(offers: Offers, filters: dict[str, object], expected: list[str]) -> None:
    """Patterns, types and the catalog narrow the tables; an absent one does not."""
    assert table_names(offers, **filters) == expected


def test_fields_tell_what_the_catalogue_says(offers: Offers) -> None:
    """A column carries its title, grade, treatments and SQL type; a table its title, controller and version."""
    schema = schemas(offers)[RESIDENT]
    told = {key.decode(): value.decode() for key, value in schema.field("name").metadata.items()}
    treatments = json.loads(told.pop("sharing.treatments"))
    assert told == {
        "ARROW:FLIGHT:SQL:DB_SCHEMA_NAME": "population",
        "ARROW:FLIGHT:SQL:TABLE_NAME": "resident",
        "ARROW:FLIGHT:SQL:TYPE_NAME": "VARCHAR",
        "ARROW:FLIGHT:SQL:IS_AUTO_INCREMENT": "0",
        "ARROW:FLIGHT:SQL:IS_CASE_SENSITIVE": "1",
        "ARROW:FLIGHT:SQL:IS_READ_ONLY": "1",
        "ARROW:FLIGHT:SQL:IS_SEARCHABLE": "1",
        "ARROW:FLIGHT:SQL:REMARKS": "姓名 / Name",
        "sharing.title_zh": "姓名",
        "sharing.title_en": "Name",
        "sharing.grade": "general-2",
    }
    assert treatments[ELDERLY] == "clear"
    assert schema.metadata == {
        b"sharing.title_zh": "实有人口基本信息".encode(),
        b"sharing.title_en": b"Residents",
        b"sharing.controller_zh": "上海市公安局".encode(),
        b"sharing.controller_en": offers.catalogue.departments["public_security"].title.en.encode(),
        b"sharing.update_cycle": b"daily",
        b"sharing.version": b"1.0",
    }
    birth_date = schema.field("birth_date")
    assert (birth_date.type, birth_date.nullable) == (pa.date32(), False)
    assert birth_date.metadata[b"ARROW:FLIGHT:SQL:PRECISION"] == b"10"


def test_a_stopped_column_has_no_treatment(offers: Offers) -> None:
    """A column that is stopped stays in the table, but nothing is said to be delivered of it."""
    stop = Stop(kind=StopKind.COLUMN, target=f"{RESIDENT}.phone", controller="public_security")
    stopped = dataclasses.replace(offers, stops=(stop,))
    field = schemas(stopped)[RESIDENT].field("phone")
    assert json.loads(field.metadata[b"sharing.treatments"]) == {}


def test_a_column_that_may_come_as_null_is_nullable(offers: Offers, catalogue: Catalogue) -> None:
    """A treatment that leaves nothing of a value makes the column nullable, whatever the catalogue says of it."""
    need = catalogue.purposes[GRID].need(RESIDENT)
    assert need is not None
    emptied = need.model_copy(update={"columns": {"name": Treatment(action=ColumnAction.NULL)}})
    table = ShownTable(dataset=catalogue.datasets[RESIDENT], needs={GRID: emptied}, columns=frozenset({"name"}))
    assert tables.table_schema(table, offers=offers).field("name").nullable


def key_columns(answer: pa.Table) -> list[tuple[str, str]]:
    return [
        (f"{row['fk_table_name']}.{row['fk_column_name']}", f"{row['pk_table_name']}.{row['pk_column_name']}")
        for row in answer.to_pylist()
    ]


def test_primary_keys(offers: Offers, catalogue: Catalogue) -> None:
    """The columns of a key come in order, and a key with a hidden column is not shown."""
    dataset = catalogue.datasets["health.vaccination"]
    whole = ShownTable(dataset=dataset, needs={}, columns=frozenset(column.name for column in dataset.columns))
    command = sql.CommandGetPrimaryKeys(table="vaccination", db_schema="health")
    rows = keys.primary_keys(command, shown=[whole]).to_pylist()
    assert [(row["column_name"], row["key_sequence"]) for row in rows] == [("resident_id", 1), ("dose", 2)]
    assert {row["key_name"] for row in rows} == {"vaccination_pkey"}
    assert "dose" not in schemas(offers)[dataset.name].names
    assert metadata.answer(command, offers=offers, purpose="").num_rows == 0
    elsewhere = sql.CommandGetPrimaryKeys(table="resident", db_schema="health")
    assert metadata.answer(elsewhere, offers=offers, purpose="").num_rows == 0


def test_foreign_keys(offers: Offers) -> None:
    """A foreign key is told from both sides, and only when both are shown."""
    household, dwelling = ("resident.household_id", "household.household_id"), "dwelling.dwelling_code"
    imported = metadata.answer(sql.CommandGetImportedKeys(table="resident"), offers=offers, purpose="")
    assert key_columns(imported) == [("resident.dwelling_code", dwelling), household]
    crossed = sql.CommandGetCrossReference(pk_table="household", fk_table="resident", fk_catalog="")
    assert key_columns(metadata.answer(crossed, offers=offers, purpose="")) == [household]
    turned = sql.CommandGetCrossReference(pk_table="resident", fk_table="household", pk_db_schema="housing")
    assert metadata.answer(turned, offers=offers, purpose="").num_rows == 0
    exported = metadata.answer(sql.CommandGetExportedKeys(table="dwelling"), offers=offers, purpose=GRID)
    assert key_columns(exported) == [("lease.dwelling_code", dwelling), ("resident.dwelling_code", dwelling)]
    assert "population.household" not in table_names(offers, purpose=GRID)
    imported = metadata.answer(sql.CommandGetImportedKeys(table="resident"), offers=offers, purpose=GRID)
    assert key_columns(imported) == [("resident.dwelling_code", dwelling)]


def test_flights_are_statements_that_can_be_asked_for(offers: Offers) -> None:
    """Each table is listed as a statement that the gateway reads; a pattern of names narrows the list."""
    listed = list(metadata.list_flights(offers, purpose=GRID, expression=b"housing.%"))
    statements = [parse(info.flight_descriptor.cmd.decode(), engine_parser=EngineParser()) for info in listed]
    assert [statement.tree.find(exp.Table).sql() for statement in statements] == [
        '"housing"."dwelling"',
        '"housing"."lease"',
    ]
    assert len(list(metadata.list_flights(offers, purpose=GRID, expression=b""))) == len(
        table_names(offers, purpose=GRID)
    )
    assert list(metadata.list_flights(offers, purpose=GRID, expression=b"\xff")) == []


def test_actions_are_described_in_both_languages() -> None:
    """Every action says in Chinese and English what it does."""
    assert all(" / " in action.description for action in metadata.list_actions())
