"""`gateway query` without a statement."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pyarrow as pa
import pytest
from prompt_toolkit.application import create_app_session
from prompt_toolkit.history import InMemoryHistory
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.output import DummyOutput
from rich.console import Console

from gateway.client import Denied, ErrorReason, Profile, Unavailable
from gateway.client.catalogue_names import CatalogueNames
from gateway.client.explanation import Explanation
from gateway.client.files.local import LocalDatasets
from gateway.doors.cli import interactive
from gateway.doors.cli.interactive import Dialogue, converse, is_complete
from gateway.doors.cli.session import Session
from gateway.doors.cli.show import Screen
from sharing_stubs.sharing.catalog.v1 import catalog_pb2 as pb

SCHEMA = pa.schema(
    [("name", pa.string()), ("floor", pa.int32())],
    metadata={"sharing.entry": "e-1", "sharing.expires_at": "4102444800", "sharing.treatment": "{}"},
)
RECEIPT = {"entry": "e-1", "datasets": {}}
FORBIDDEN = "SELECT ethnicity FROM population.resident"


class FakeResult:
    """Three hundred rows in three batches."""

    schema, receipt, treatment = SCHEMA, RECEIPT, {"population.resident": {"name": "clear"}}

    def __init__(self) -> None:
        self.closed = False

    def __enter__(self) -> FakeResult:
        return self

    def __exit__(self, *_: object) -> None:
        self.closed = True

    def batches(self) -> Iterator[pa.RecordBatch]:
        for start in (0, 100, 200):
            rows = [{"name": f"居民{start + row}", "floor": row} for row in range(100)]
            yield pa.RecordBatch.from_pylist(rows, schema=self.schema)


class FakeGateway:
    """Answers every statement but `FORBIDDEN`; also stands for the catalogue."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.result = FakeResult()
        self.catalog = self

    def query(self, sql: str, **declared: Any) -> FakeResult:
        self.asked.append((sql, declared))
        if sql == FORBIDDEN:
            texts = {
                f"{key}_{language}": f"{key} {language}" for key in ("message", "remedy") for language in ("zh", "en")
            }
            raise Denied(grpc.StatusCode.PERMISSION_DENIED, "", (ErrorReason(code="CLEARANCE_TOO_LOW", texts=texts),))
        return self.result

    def explain(self, sql: str, **declared: Any) -> Explanation:
        self.asked.append((f"explain {sql}", declared))
        return Explanation(answer=pb.ExplainQueryResponse(allow=True, policy_revision="r7"))

    def purposes(self) -> list[pb.PurposeDescription]:
        return [pb.PurposeDescription(id="visits", title=pb.Text(zh="高龄独居走访", en="Visits"))]

    def dataset(self, name: str) -> pb.GetDatasetResponse:
        return pb.GetDatasetResponse(columns=[pb.ColumnDescription(name="name", title=pb.Text(zh="姓名", en="Name"))])

    def datasets(self) -> list[pb.DatasetSummary]:
        return []


@pytest.fixture
def said() -> io.StringIO:
    """What stands on the terminal."""
    return io.StringIO()


@pytest.fixture
def dialogue(tmp_path: Path, said: io.StringIO) -> Dialogue:
    gateway = FakeGateway()
    console = Console(file=said, width=100, force_terminal=True, color_system=None, highlight=False)
    profile = Profile(endpoint="grpc://gateway:1", token="t", expires_at="2100-01-01T00:00:00Z", office="南京东路街道")
    session = Session(
        connection=gateway,
        screen=Screen(language="zh", out=console, error=console),
        profile=profile,
        file=tmp_path / "profile.json",
    )
    return Dialogue(
        session=session,
        names=CatalogueNames(gateway),
        purpose="",
        case="",
        partial=False,
        datasets=LocalDatasets(tmp_path / "data", clock_seconds=lambda: 1_700_000_000.0),
    )


def typed(dialogue: Dialogue, *lines: str, end: str = "\\q\r") -> None:
    """Type lines, each with Enter, and leave."""
    with create_pipe_input() as keys, create_app_session(input=keys, output=DummyOutput()):
        keys.send_text("".join(f"{line}\r" for line in lines) + end)
        converse(dialogue, history=InMemoryHistory())


def asked(dialogue: Dialogue) -> list[tuple[str, dict[str, Any]]]:
    return dialogue.session.connection.asked


def test_a_statement_of_several_lines_is_asked_with_what_is_declared(dialogue, said):
    """Purpose and case stay declared; Enter ends a statement only after its semicolon."""
    typed(dialogue, "\\purpose visits", "\\case HP-2026-1", "SELECT name, floor", "FROM population.resident;")
    declared = {"purpose": "visits", "case": "HP-2026-1", "partial": False}
    assert asked(dialogue) == [("SELECT name, floor\nFROM population.resident", declared)]
    for part in ("姓名", "居民0", "居民49", "仅显示前 50 行，共 300 行", "审计编号 e-1"):
        assert part in said.getvalue()
    assert "居民50" not in said.getvalue()
    assert dialogue.session.connection.result.closed


@pytest.mark.parametrize(
    ("text", "complete"),
    [
        ("", True),
        ("SELECT 1", False),
        ("SELECT 1;", True),
        ("SELECT 1;  \n", True),
        ("SELECT ';", False),
        ("SELECT ';'", False),
        ("SELECT 'it''s;';", True),
        ('SELECT "a;', False),
        ("SELECT 1 -- done;", False),
        ("SELECT 1; -- done", True),
        ("\\q", True),
        ("\\explain", True),
        ("\\explain SELECT 1", False),
        ("\\explain SELECT 1;", True),
    ],
)
def test_enter_ends_what_is_complete(text, complete):
    """A semicolon inside a literal, a quoted name or a comment does not end a statement."""
    assert is_complete(text) is complete


def test_the_last_result_is_looked_through_and_kept(dialogue, said, tmp_path):
    """`\\page` shows every row and `\\save` writes them, without asking the gateway again."""
    pages: list[str] = []
    dialogue.pager = pages.append
    typed(dialogue, "SELECT * FROM population.resident;", "\\page", f"\\save {tmp_path / 'x.csv'}")
    assert len(asked(dialogue)) == 1
    assert "姓名" in pages[0]
    assert "居民299" in pages[0]
    assert len((tmp_path / "x.csv").read_text("utf-8-sig").splitlines()) == 301
    receipt = json.loads((tmp_path / "x.csv.receipt.json").read_text("utf-8"))
    assert receipt["entry"] == "e-1"


def test_what_was_saved_is_known_until_it_is_destroyed(dialogue, said, tmp_path):
    """A saved result stands in the list of local datasets, once: a second copy would not be destroyed with it."""
    first, second = tmp_path / "x.parquet", tmp_path / "y.parquet"
    typed(dialogue, "SELECT * FROM population.resident;", f"\\save {first}", f"\\save {second}")
    (known,) = dialogue.datasets.datasets()
    assert (known.path, known.rows, known.expires_at) == (first, 300, 4102444800)
    assert not second.exists()
    assert "gatewaydatasetexpire" in "".join(said.getvalue().split())


def test_a_large_result_is_shown_but_not_held(dialogue, said, monkeypatch, tmp_path):
    """Memory stays bounded, and it is said how to keep such a result."""
    monkeypatch.setattr(interactive, "HELD_BYTES_MAX", 2_000)
    typed(dialogue, "SELECT * FROM population.resident;", f"\\save {tmp_path / 'x.csv'}")
    assert "共 300 行" in said.getvalue()
    assert "gateway query --output" in said.getvalue()
    assert not (tmp_path / "x.csv").exists()


def test_a_denial_says_what_to_do_and_the_next_statement_works(dialogue, said):
    """Reason and remedy are told; the conversation goes on."""
    typed(dialogue, f"{FORBIDDEN};", "SELECT name FROM population.resident;")
    assert "CLEARANCE_TOO_LOW" in said.getvalue()
    assert "办法: remedy zh" in said.getvalue()
    assert "居民0" in said.getvalue()


def test_explain_takes_a_statement_or_the_last_one(dialogue, said):
    """`\\explain` does not touch data."""
    typed(dialogue, "\\explain SELECT 1;", "SELECT 2;", "\\explain")
    assert [sql for sql, _ in asked(dialogue)] == ["explain SELECT 1", "SELECT 2", "explain SELECT 2"]
    assert "策略版本 r7" in said.getvalue()


def test_wrong_commands_say_what_there_is(dialogue, said, tmp_path):
    """An unknown command, purpose or ending of a file leads on."""
    typed(
        dialogue, "\\nix", "\\purpose nix", "\\page", "\\explain", "SELECT 1;", f"\\save {tmp_path / 'x.doc'}", "\\help"
    )
    for part in (
        "没有命令 \\nix",
        "高龄独居走访",
        "没有保留的结果",
        "请写出语句",
        ".parquet .arrow .csv .xlsx",
        "Ctrl-D",
    ):
        assert part in said.getvalue()
    assert dialogue.purpose == ""


def test_ctrl_c_drops_the_line_and_ctrl_d_leaves(dialogue):
    """Nothing that was dropped is asked."""
    typed(dialogue, "SELECT 1", end="\x03SELECT 2;\r\x04")
    assert [sql for sql, _ in asked(dialogue)] == ["SELECT 2"]


def test_ctrl_c_cancels_a_result_that_is_arriving(dialogue, said):
    """The rest of the result is cancelled, and the conversation goes on."""

    def interrupted() -> Iterator[pa.RecordBatch]:
        raise KeyboardInterrupt
        yield

    dialogue.session.connection.result.batches = interrupted
    typed(dialogue, "SELECT 1;", "\\case 2")
    assert "已取消" in said.getvalue()
    assert dialogue.session.connection.result.closed
    assert dialogue.case == "2"


def test_a_gateway_that_is_down_is_said_at_once(dialogue):
    """Who cannot be served learns it before typing."""
    dialogue.session.connection.purposes = lambda: (_ for _ in ()).throw(Unavailable(grpc.StatusCode.UNAVAILABLE, ""))
    with pytest.raises(Unavailable):
        typed(dialogue)
