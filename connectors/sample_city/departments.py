"""The departments' own databases, with their own table and column names, loaded from the sample files.

Which name stands for which is said once, in `connectors/templates/<department>.yaml`.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Any, Final

import adbc_driver_postgresql.dbapi
import adbc_driver_sqlite.dbapi
import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from catalog.dataset import Dataset
from catalog.vocabulary import ColumnType, IdentifierKind

TEMPLATES: Final = Path(__file__).parents[1] / "templates"
READER: Final = "connector"
"""The account of the connector: it may only read."""
_BATCH_ROWS: Final = 65_536
_POSTGRESQL_TYPES: Final[Mapping[ColumnType, str]] = {
    ColumnType.STRING: 'text COLLATE "C"',
    ColumnType.INT16: "smallint",
    ColumnType.INT32: "integer",
    ColumnType.INT64: "bigint",
    ColumnType.FLOAT64: "double precision",
    ColumnType.BOOL: "boolean",
    ColumnType.DATE: "date",
    ColumnType.TIMESTAMP: "timestamp with time zone",
}
_SQLITE_TYPES: Final[Mapping[ColumnType, str]] = {
    ColumnType.STRING: "TEXT",
    ColumnType.INT16: "INTEGER",
    ColumnType.INT32: "INTEGER",
    ColumnType.INT64: "INTEGER",
    ColumnType.FLOAT64: "REAL",
    ColumnType.BOOL: "INTEGER",
    ColumnType.DATE: "TEXT",
    ColumnType.TIMESTAMP: "TEXT",
}
_JOINED_BY: Final = (IdentifierKind.DWELLING_CODE, IdentifierKind.HOUSEHOLD_ID)


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnTable:
    """A department's table and the dataset it holds."""

    dataset: Dataset
    table: str
    names: Mapping[str, str]
    """Catalogue name to own name, every column."""

    @property
    def own_columns(self) -> tuple[str, ...]:
        """Own names in catalogue order."""
        return tuple(self.names[column.name] for column in self.dataset.columns)

    def definition(self, types: Mapping[ColumnType, str]) -> str:
        """Return the SQL that makes the table."""
        columns = ", ".join(
            f"{self.names[c.name]} {types[c.type]}{'' if c.nullable else ' NOT NULL'}" for c in self.dataset.columns
        )
        return f"CREATE TABLE {self.table} ({columns})"

    def indexes(self) -> tuple[str, ...]:
        """Return the SQL that makes the primary key and the indexes on division columns and keys of joins."""
        data = self.dataset
        joins = [column.name for column in data.columns if column.identifier in _JOINED_BY]
        wanted = dict.fromkeys([data.entity_key, *data.jurisdiction.values(), *joins])
        single = [self.names[name] for name in wanted if name != data.primary_key[0]]
        plain = self.table.rpartition(".")[2]
        key = ", ".join(self.names[name] for name in data.primary_key)
        return (
            f"CREATE UNIQUE INDEX {plain}_pk ON {self.table} ({key})",
            *(f"CREATE INDEX {plain}_{name} ON {self.table} ({name})" for name in single),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Department:
    """One department and its database."""

    id: str
    kind: str
    """postgresql, parquet or sqlite; access_log for the audit office, whose data the gateway itself makes."""
    tables: tuple[OwnTable, ...]
    template: str


def read_departments(datasets: Mapping[str, Dataset], *, templates: Path = TEMPLATES) -> tuple[Department, ...]:
    """Read the templates.

    Raises:
        OSError: A template cannot be read.
        KeyError: A template names an unknown dataset or leaves a column out.
    """
    return tuple(_department(path.read_text("utf-8"), datasets=datasets) for path in sorted(templates.glob("*.yaml")))


def write_config(department: Department, *, folder: Path, values: Mapping[str, str]) -> Path:
    """Fill in the template and write the connector's configuration; only this account may read it.

    Raises:
        KeyError: A placeholder has no value.
    """
    quoted = {name: json.dumps(value, ensure_ascii=False)[1:-1] for name, value in values.items()}
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{department.id}.yaml"
    path.touch(mode=0o600)
    path.write_text(Template(department.template).substitute(quoted), "utf-8")
    return path


def create_database(uri: str, *, name: str) -> None:
    """Create an empty database; `name` is made of letters and underscores."""
    with adbc_driver_postgresql.dbapi.connect(uri, autocommit=True) as connection, connection.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {name}")


def load_postgresql(uri: str, *, city: Path, department: Department, reader_password: str) -> None:
    """Load a department's tables and let its connector read them.

    Args:
        uri: Connection of the superuser to an empty database.
        city: Folder of the sample files.
        department: Whose tables.
        reader_password: Letters and digits.
    """
    with adbc_driver_postgresql.dbapi.connect(uri) as connection, connection.cursor() as cursor:
        cursor.execute(f"CREATE ROLE {READER} LOGIN PASSWORD '{reader_password}'")
        schemas = dict.fromkeys(own.table.rpartition(".")[0] or "public" for own in department.tables)
        for schema in schemas:
            cursor.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
            cursor.execute(f"GRANT USAGE ON SCHEMA {schema} TO {READER}")
        for own in department.tables:
            schema, _, plain = own.table.rpartition(".")
            cursor.execute(own.definition(_POSTGRESQL_TYPES))
            cursor.adbc_ingest(plain, _rows(own, city=city), mode="append", db_schema_name=schema or "public")
            for statement in own.indexes():
                cursor.execute(statement)
            cursor.execute(f"GRANT SELECT ON {own.table} TO {READER}")
            cursor.execute(f"ANALYZE {own.table}")
        connection.commit()


def write_parquet(folder: Path, *, city: Path, department: Department) -> None:
    """Write a department's tables as folders of Parquet files, in place of earlier ones."""
    shutil.rmtree(folder, ignore_errors=True)
    for own in department.tables:
        (folder / own.table).mkdir(parents=True)
        reader = _rows(own, city=city)
        with pq.ParquetWriter(folder / own.table / "part-0.parquet", reader.schema, compression="zstd") as writer:
            for batch in reader:
                writer.write_batch(batch)


def load_sqlite(path: Path, *, city: Path, department: Department) -> None:
    """Write a department's tables to a SQLite file, in place of an earlier one; dates are ISO 8601 text."""
    path.unlink(missing_ok=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    with adbc_driver_sqlite.dbapi.connect(str(path)) as connection, connection.cursor() as cursor:
        for own in department.tables:
            cursor.execute(own.definition(_SQLITE_TYPES))
            cursor.adbc_ingest(own.table, _rows(own, city=city), mode="append")
            for statement in own.indexes():
                cursor.execute(statement)
        connection.commit()


def _rows(own: OwnTable, *, city: Path) -> pa.RecordBatchReader:
    """Stream the sample file of a table under the department's own column names."""
    file = pq.ParquetFile(city / f"{own.dataset.name}.parquet")
    fields = zip(own.own_columns, own.dataset.schema, strict=True)
    schema = pa.schema([field.with_name(name) for name, field in fields])
    batches = file.iter_batches(batch_size=_BATCH_ROWS)
    return pa.RecordBatchReader.from_batches(
        schema, (pa.RecordBatch.from_arrays(batch.columns, schema=schema) for batch in batches)
    )


def _department(template: str, *, datasets: Mapping[str, Dataset]) -> Department:
    content: dict[str, Any] = yaml.safe_load(template)
    tables = []
    for name, entry in content["datasets"].items():
        names = {column.name: entry["columns"][column.name] for column in datasets[name].columns}
        tables.append(OwnTable(dataset=datasets[name], table=entry["table"], names=names))
    return Department(id=content["department"], kind=content["source"]["kind"], tables=tuple(tables), template=template)
