"""What the command line prints: results and tables on stdout, progress and errors on stderr."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import grpc
import pyarrow as pa
from rich.console import Console
from rich.padding import Padding
from rich.progress import DownloadColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.text import Text as RichText

from catalog.dataset import Bilingual, Text
from gateway.client import RequestError
from gateway.client.printable import printable
from gateway.client.result import OnProgress
from gateway.doors.cli.result_table import Heading, printable_lines, show_table

Language = Literal["zh", "en"]
ROWS_SHOWN = 50
EXIT_DENIED, EXIT_INVALID, EXIT_UNAVAILABLE = 3, 4, 5
_EXIT_OF_STATUS = {
    grpc.StatusCode.PERMISSION_DENIED: EXIT_DENIED,
    grpc.StatusCode.UNAUTHENTICATED: EXIT_DENIED,
    grpc.StatusCode.INVALID_ARGUMENT: EXIT_INVALID,
}
_LABELS = {
    "message": Text(zh="原因", en="Reason"),
    "legal_basis": Text(zh="依据", en="Legal basis"),
    "remedy": Text(zh="办法", en="What to do"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Screen:
    """Where and in which language to print."""

    language: Language
    out: Console
    error: Console

    @classmethod
    def make(cls, language: Language) -> Screen:
        """Return a screen on stdout and stderr."""
        return cls(language=language, out=Console(highlight=False), error=Console(stderr=True, highlight=False))

    def say(self, zh: str, en: str) -> None:
        """Print a line on stderr."""
        self.error.print(RichText(printable_lines(zh if self.language == "zh" else en)))

    def words(self, text: Bilingual) -> str:
        """Return the text in the screen's language."""
        return text.zh if self.language == "zh" else text.en

    def table(self, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        """Print a table on stdout."""
        show_table(self.out, headings=[Heading(name=column) for column in columns], rows=list(rows))

    def indented(self, label: str, text: str) -> None:
        """Print a labelled paragraph on stdout."""
        self.out.print(Padding(RichText(printable_lines(f"{label}: {text}")), (0, 0, 0, 2)))

    def failure(self, error: RequestError, *, advice: Text | None = None) -> int:
        """Print why a call failed, in both languages, and return the exit code; `advice` when the gateway gave none."""
        for reason in error.reasons:
            self.error.print(RichText(f"✗ {reason.code}", style="bold red"))
            for language in ("zh", "en") if self.language == "zh" else ("en", "zh"):
                for key, label in _LABELS.items():
                    text = reason.texts.get(f"{key}_{language}")
                    if text:
                        name = label.zh if language == "zh" else label.en
                        self.error.print(RichText(printable_lines(f"  {name}: {text}")))
        if not error.reasons:
            self.error.print(RichText(printable(f"✗ {error.status.name}: {error.text}"), style="bold red"))
            remedy = advice or error.remedy
            self.say(remedy.zh, remedy.en)
        return _EXIT_OF_STATUS.get(error.status, EXIT_UNAVAILABLE)

    @contextmanager
    def progress(self) -> Iterator[OnProgress]:
        """Show rows and bytes so far on a terminal, as they are told."""
        columns = (SpinnerColumn(), TextColumn("{task.fields[rows]:,} 行/rows"), DownloadColumn(), TimeElapsedColumn())
        with Progress(*columns, console=self.error, transient=True, disable=not self.error.is_terminal) as progress:
            task = progress.add_task("", total=None, rows=0)
            yield lambda rows, size: progress.update(task, completed=size, rows=rows)

    def watched(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Yield the batches and show rows and bytes on a terminal."""
        rows = size = 0
        with self.progress() as told:
            for batch in batches:
                rows, size = rows + batch.num_rows, size + batch.nbytes
                told(rows, size)
                yield batch

    def result(
        self,
        batches: Iterator[pa.RecordBatch],
        *,
        schema: pa.Schema,
        titles: Mapping[str, Text],
        rows_shown_max: int = ROWS_SHOWN,
    ) -> int:
        """Print the first rows as a table, read the rest, and return the number of rows.

        Args:
            batches: The rows.
            schema: Their schema.
            titles: What columns mean, by name, as far as that is known.
            rows_shown_max: How many are printed.
        """
        shown: list[list[str]] = []
        rows = 0
        for batch in self.watched(batches):
            head = batch.slice(0, max(0, rows_shown_max - rows))
            columns = (column.to_pylist() for column in head.columns)
            shown += [[printable(value) for value in row] for row in zip(*columns, strict=True)]
            rows += batch.num_rows
        headings = [
            Heading(
                name=printable(field.name),
                title=self.words(titles[field.name]) if field.name in titles else "",
                number=pa.types.is_integer(field.type)
                or pa.types.is_floating(field.type)
                or pa.types.is_decimal(field.type),
            )
            for field in schema
        ]
        show_table(self.out, headings=headings, rows=shown)
        if rows > len(shown):
            self.say(
                f"仅显示前 {len(shown)} 行，共 {rows:,} 行；用 --output 保存全部。",
                f"the first {len(shown)} of {rows:,} rows; use --output to keep them all.",
            )
        return rows


def local_time(seconds: int) -> str:
    """Return a time, given in seconds since 1970-01-01 UTC, to the minute in the local zone."""
    return f"{datetime.datetime.fromtimestamp(seconds).astimezone():%Y-%m-%d %H:%M}"


def show_delivery(
    screen: Screen, receipts: Sequence[Mapping[str, Any]], *, rows: int, path: Path | None = None
) -> None:
    """Tell as of when each dataset is and which one is missing, how many rows came, and under which audit entries."""
    for receipt in receipts[-1:]:
        _show_datasets(screen, receipt["datasets"])
    saved, entries = f" → {path}" if path else "", ", ".join(receipt["entry"] for receipt in receipts)
    screen.say(f"✓ {rows:,} 行{saved}；审计编号 {entries}", f"✓ {rows:,} rows{saved}; audit entry {entries}")


def _show_datasets(screen: Screen, datasets: Mapping[str, Mapping[str, Any]]) -> None:
    for name, facts in datasets.items():
        if facts["missing"]:
            screen.say(
                f"⚠ 结果不完整：缺少数据集“{name}”，其部门连接器不可用，请稍后重新查询",
                f"⚠ incomplete: dataset '{name}' is missing, its department's connector is down; ask again later",
            )
        elif facts["as_of"]:
            late = ("（已逾更新周期）", " (later than its update cycle promises)") if facts["late"] else ("", "")
            as_of = local_time(facts["as_of"])
            screen.say(f"数据集“{name}”截至 {as_of}{late[0]}", f"dataset '{name}' as of {as_of}{late[1]}")
