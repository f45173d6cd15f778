"""A department's own code as a source, and the documented example of it."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from connectors.examples import card_file
from connectors.sdk.config import OwnSettings
from connectors.sdk.predicates import Predicate, PredicateOp
from connectors.sdk.source import MappedColumn, MappedTable, SourceCode, SourceError, SourceScan
from connectors.sources.opening import open_source
from connectors.sources.own import OwnTable, PythonSource, load_own
from tests.unit.connectors.conftest import DATASET, NAME, ROWS, mapped

SCHEMA = DATASET.schema.with_metadata({"of": "the department"})
FILTER = Predicate(op=PredicateOp.GE, column="id", values=(390,))


class Own:
    """Own code that does as it was told to by the test, and remembers what it was asked."""

    def __init__(self, *batches: pa.RecordBatch | Exception, schema: pa.Schema = SCHEMA) -> None:
        self.batches = batches
        self.schema = schema
        self.asked: list[tuple[str, tuple[str, ...], Predicate]] = []
        self.closed = False

    def describe(self) -> dict[str, OwnTable]:
        return {"t": OwnTable(schema=self.schema, as_of=7)}

    def scan(self, table: str, *, columns: tuple[str, ...], predicate: Predicate) -> Iterator[pa.RecordBatch]:
        self.asked.append((table, columns, predicate))
        try:
            for batch in self.batches:
                if isinstance(batch, Exception):
                    raise batch
                yield batch
        finally:
            self.closed = True


def opened(own: Own) -> PythonSource:
    return PythonSource(own, tables=mapped(DATASET, table="t", own_names={"id": "id", "small": "小"}))


def own_rows() -> pa.RecordBatch:
    return ROWS.rename_columns(["小" if name == "small" else name for name in ROWS.schema.names])


def request(*columns: str, predicate: Predicate = FILTER) -> SourceScan:
    return SourceScan(dataset=NAME, columns=columns, predicate=predicate, rows_max=None, batch_rows=4)


def test_own_code_is_asked_in_its_own_names() -> None:
    """It learns the table, the columns that are needed and the condition, and may use or ignore them."""
    own = Own(own_rows(), schema=own_rows().schema)
    predicate = Predicate(op=PredicateOp.NOT, operands=(Predicate(op=PredicateOp.EQ, column="small", values=(7,)),))
    with opened(own).scan(request("id", predicate=predicate)) as stream:
        assert stream.as_of == 7
        assert sum(batch.num_rows for batch in stream) == sum(row != 7 for row in ROWS["small"].to_pylist())
    inner = Predicate(op=PredicateOp.EQ, column="小", values=(7,))
    assert own.asked == [("t", ("id", "小"), Predicate(op=PredicateOp.NOT, operands=(inner,)))]


def test_own_code_is_closed_when_the_scan_ends_early() -> None:
    """Its generator ends where it stands, so that it can give back what it holds."""
    own = Own(own_rows(), own_rows(), schema=own_rows().schema)
    with opened(own).scan(request("id")) as stream:
        next(stream)
        assert not own.closed
    assert own.closed


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (OSError("password of 王小明"), SourceCode.UNAVAILABLE),
        (KeyError("440524188001010014"), SourceCode.FAILED),
        (SourceError(SourceCode.SLOW), SourceCode.SLOW),
        (own_rows().drop_columns(["id"]), SourceCode.DRIFT),
        (own_rows().set_column(0, "id", pa.array(["1"] * 400)), SourceCode.DRIFT),
    ],
)
def test_a_fault_of_own_code_ends_the_scan_without_its_text(fault: pa.RecordBatch | Exception, code: str) -> None:
    """Whatever it raises or gives, the gateway gets a code and the department's log the kind of error."""
    with (
        opened(Own(fault, schema=own_rows().schema)).scan(request("id")) as stream,
        pytest.raises(SourceError) as caught,
    ):
        next(stream)
    assert caught.value.code is code
    assert not any(word in caught.value.detail for word in ("王小明", "440524188001010014"))


def test_a_table_or_column_that_own_code_lacks_is_drift() -> None:
    """What it does not describe is not asked for."""
    own = Own(schema=own_rows().schema.remove(0))
    assert "id" not in opened(own).describe()[NAME].names
    with pytest.raises(SourceError) as caught:
        opened(own).scan(request("small"))
    assert (caught.value.code, own.asked) == (SourceCode.DRIFT, [])
    assert PythonSource(own, tables=mapped(DATASET, table="other")).describe() == {}


@pytest.mark.parametrize(
    "factory", ["no_such_module:X", "connectors.examples.card_file:No", "connectors.examples.card_file:CardFile"]
)
def test_code_that_cannot_be_loaded_is_named(factory: str) -> None:
    """A missing module, a missing name and options that do not fit say which factory it was."""
    with pytest.raises(ValueError, match=factory):
        load_own(OwnSettings(kind="python", factory=factory, options={"colour": "green"}))


CARDS = pa.schema(
    [
        pa.field("card_number", pa.string(), nullable=False),
        pa.field("name", pa.string()),
        pa.field("issued_on", pa.date32()),
    ]
)


def test_the_example_reads_cards(tmp_path: Path) -> None:
    """Fields at fixed bytes in GB 18030 become the catalogue's columns, filtered, with the age of the file."""
    lines = [
        "K000000001" + "11010519491231002X" + "王小明".ljust(27) + "310101002003" + "20240229",
        "K000000002" + "440524188001010014" + "赵".ljust(29) + "310101002003" + " " * 8,
    ]
    (tmp_path / "cards.txt").write_text("\n".join(lines), "gb18030")
    settings = OwnSettings(
        kind="python",
        factory="connectors.examples.card_file:CardFile",
        options={"path": str(tmp_path / "cards.txt")},
    )
    columns = tuple(
        MappedColumn(field=field, own_name=own_name)
        for field, own_name in zip(CARDS, ("KH", "XM", "FZRQ"), strict=True)
    )
    table = MappedTable(dataset="transport.card", table="cards", columns=columns)
    source = open_source(settings, tables={"transport.card": table})
    assert source.describe() == {"transport.card": CARDS}
    everyone = Predicate(op=PredicateOp.PREFIX, column="card_number", values=("K",))
    scan = SourceScan(
        dataset="transport.card", columns=("name", "issued_on"), predicate=everyone, rows_max=None, batch_rows=10
    )
    with source.scan(scan) as stream:
        assert stream.as_of == int((tmp_path / "cards.txt").stat().st_mtime)
        assert [tuple(row.values()) for batch in stream for row in batch.to_pylist()] == [
            ("王小明", datetime.date(2024, 2, 29)),
            ("赵", None),
        ]


def test_the_example_is_short() -> None:
    """A department's own source is a page of code."""
    assert len(Path(card_file.__file__).read_text("utf-8").splitlines()) < 60
