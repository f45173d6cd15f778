"""A leaked copy names who received it, though it was cut and shuffled; and nobody else."""

from __future__ import annotations

import csv
import random
from collections.abc import Callable, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from connectors.sdk.watermark import DIGESTS_MIN, MARK, mark_texts, read_marks, requester_key
from gateway.audit import trace
from gateway.client.files.formats import write_result
from gateway.doors.cli.received_file import FileRefused, text_columns
from tests.fakes.arriving import ArrivedTable, with_terms

SECRET = b"w" * 32
RECIPIENTS = {f"requester-{i:02}": f"office-{i % 7}" for i in range(24)}
MARKED = ("name", "phone", "address", "head_name")
TRIALS = 200
ENDINGS = [".parquet", ".arrow", ".csv", ".xlsx"]


def released(rows: int = 400) -> pa.Table:
    """What all of them received of residents and their households, but for the marks: texts, a mask, keys, codes, a number."""
    made = random.Random(4)

    def names() -> list[str]:
        return [
            made.choice("王李张刘陈杨黄赵") + made.choice("伟芳娜敏静丽强磊") * made.randint(1, 2) for _ in range(rows)
        ]

    return pa.table(
        {
            "name": names(),
            "head_name": names(),
            "phone": [f"1{made.randint(30, 99)}****{made.randint(0, 9999):04}" for _ in range(rows)],
            "address": [f"南京东路{made.randint(1, 900)}弄{made.randint(1, 40)}号" for _ in range(rows)],
            "division": [f"310101002{made.randint(1, 40):03}" for _ in range(rows)],
            "dwelling": [f"D{made.randint(0, 10**9)}" for _ in range(rows)],
            "members": [made.randint(1, 6) for _ in range(rows)],
            "sex": [made.choice("12") for _ in range(rows)],
        }
    )


def copy_of(requester: str, table: pa.Table, *, marks: bool = True) -> pa.Table:
    for name in MARKED if marks else ():
        texts = mark_texts(table[name].combine_chunks(), key=requester_key(SECRET, subject=requester))
        table = table.set_column(table.schema.get_field_index(name), name, texts)
    return table


def cut(table: pa.Table, *, seed: int, rows: int | None = None) -> pa.Table:
    """Drop half of the columns and shuffle the rows."""
    chance = random.Random(seed)
    kept = chance.sample(table.column_names, len(table.column_names) // 2)
    order = chance.sample(range(table.num_rows), rows or table.num_rows)
    return table.select(kept).take(order)


def named(table: pa.Table, *, recipients: dict[str, str] = RECIPIENTS) -> list[str]:
    columns = [column.combine_chunks() for column in table.columns if pa.types.is_string(column.type)]
    digests, marked = read_marks(columns)
    return [s.requester for s in trace(digests, marked, recipients=recipients, mark_secret=SECRET)]


def trials(copies: Callable[[int, str], pa.Table]) -> list[tuple[str, list[str]]]:
    culprits = [sorted(RECIPIENTS)[trial % len(RECIPIENTS)] for trial in range(TRIALS)]
    return [(culprit, named(copies(trial, culprit))) for trial, culprit in enumerate(culprits)]


def test_the_recipient_is_named_after_half_of_the_columns_went_and_the_rows_were_shuffled() -> None:
    """In at least 95 of 100 trials the culprit alone is named among 24 who received the same rows; nobody else ever is."""
    table = released()
    found = trials(lambda trial, culprit: cut(copy_of(culprit, table), seed=trial))
    assert sum(names == [culprit] for culprit, names in found) >= 0.95 * TRIALS
    assert all(set(names) <= {culprit} for culprit, names in found)


def test_without_marks_the_same_trace_names_nobody() -> None:
    """The twin: what names the recipient is the mark and nothing else."""
    table = released()
    assert all(
        not names for _, names in trials(lambda trial, culprit: cut(copy_of(culprit, table, marks=False), seed=trial))
    )


def test_a_recipient_of_whom_the_log_knows_nothing_brings_nobody_into_suspicion() -> None:
    """When the culprit is not among the recipients, none of the others is accused, in 200 trials."""
    table = released()

    def strangers(trial: int, culprit: str) -> pa.Table:
        return cut(copy_of(f"stranger-{trial}", table), seed=trial)

    assert all(not names for _, names in trials(strangers))


@pytest.mark.parametrize("rows", [40, 100])
def test_some_tens_of_rows_are_enough(rows: int) -> None:
    """A part of the rows with one marked column left still names the recipient."""
    part = copy_of("requester-03", released()).select(["address", "division"]).slice(17, rows)
    assert named(part) == ["requester-03"]


def test_a_handful_of_rows_is_too_little() -> None:
    """The stated limit: with a dozen texts nobody is named rather than anybody wrongly."""
    assert named(copy_of("requester-03", released()).select(["address"]).slice(0, 12)) == []


def mixed(first: pa.Table, second: pa.Table) -> pa.Table:
    chance = random.Random(9)
    return pa.concat_tables(
        [first.slice(i, 1) if chance.random() < 0.5 else second.slice(i, 1) for i in range(first.num_rows)]
    )


def stripped_where_they_differ(first: pa.Table, second: pa.Table) -> pa.Table:
    columns = [
        [a if a == b else str(a).removesuffix(MARK) for a, b in zip(x.to_pylist(), y.to_pylist(), strict=True)]
        for x, y in zip(first.columns, second.columns, strict=True)
    ]
    return pa.table(columns, names=first.column_names)


@pytest.mark.parametrize(
    "colluding",
    [mixed, stripped_where_they_differ, lambda first, second: pa.concat_tables([first, second])],
    ids=["rows of either", "marks taken off where they differ", "both copies"],
)
def test_two_who_put_their_copies_together_are_both_named(colluding: Callable[[pa.Table, pa.Table], pa.Table]) -> None:
    """Mixing, joining or comparing two copies names both."""
    texts = released().select(list(MARKED))
    first, second = (copy_of(requester, texts) for requester in ("requester-05", "requester-11"))
    assert sorted(named(colluding(first, second))) == ["requester-05", "requester-11"]


def test_a_copy_whose_marks_were_stripped_names_nobody() -> None:
    """The stated limit: who removes every mark is not found, and nobody is accused in his place."""
    copy = copy_of("requester-05", released())
    bare = pa.table({name: [str(v).replace(MARK, "") for v in copy[name].to_pylist()] for name in copy.column_names})
    assert named(bare) == []


@pytest.mark.parametrize("ending", ENDINGS)
def test_every_format_keeps_the_marks(tmp_path: Path, ending: str) -> None:
    """A copy saved by the command line names its recipient in each format, also where cells begin like formulas."""
    table = released(120).append_column("remark", pa.array([f"+86 21 {i:04}" for i in range(120)]))
    copy = copy_of("requester-08", table)
    marked = mark_texts(copy["remark"].combine_chunks(), key=requester_key(SECRET, subject="requester-08"))
    copy = copy.select(["division", "members"]).append_column("remark", marked)
    path = tmp_path / f"copy{ending}"
    write_result(ArrivedTable(table=with_terms(copy)), path=path)
    digests, seen = read_marks(text_columns(path))
    assert [s.requester for s in trace(digests, seen, recipients=RECIPIENTS, mark_secret=SECRET)] == ["requester-08"]


def test_a_copy_that_somebody_else_wrote_as_csv_is_read(tmp_path: Path) -> None:
    """Other columns, other order, rows of other lengths: text is text."""
    texts = copy_of("requester-02", released(80))["address"].to_pylist()
    rows: list[Sequence[object]] = [["who", "where"], *([i, text, "x"][: 2 + i % 2] for i, text in enumerate(texts))]
    with (tmp_path / "c.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)
    digests, seen = read_marks(text_columns(tmp_path / "c.csv"))
    assert [s.requester for s in trace(digests, seen, recipients=RECIPIENTS, mark_secret=SECRET)] == ["requester-02"]


@pytest.mark.parametrize("ending", [*ENDINGS, ".pdf"])
def test_what_is_no_copy_is_refused(tmp_path: Path, ending: str) -> None:
    """A file that cannot be read is refused with the formats that can."""
    (tmp_path / f"x{ending}").write_bytes(b"\xff\xfe\x00no such file")
    with pytest.raises(FileRefused, match=r"not a readable \.parquet \.arrow \.csv \.xlsx file"):
        list(text_columns(tmp_path / f"x{ending}"))


def test_a_large_text_column_is_read(tmp_path: Path) -> None:
    """Files of other programs hold text as other Arrow types."""
    copy = copy_of("requester-01", released(80)).select(["address"])
    pq.write_table(copy.cast(pa.schema([("address", pa.large_string())])), tmp_path / "c.parquet")
    assert len(read_marks(text_columns(tmp_path / "c.parquet"))[0]) > 60


def test_nobody_is_found_by_asking_about_few_texts() -> None:
    """Of fewer texts than a trace takes nobody is named, were he the only recipient; so single marks are not told."""
    texts = pa.array([f"南京东路{i}号" for i in range(DIGESTS_MIN - 1)])
    copy = mark_texts(texts, key=requester_key(SECRET, subject="requester-03"))
    assert named(pa.table({"address": copy}), recipients={"requester-03": "office"}) == []
