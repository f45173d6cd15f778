"""What the command line prints: results and tables on stdout, progress and errors on stderr."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import grpc
import pyarrow as pa
from rich import box
from rich.console import Console
from rich.padding import Padding
from rich.progress import DownloadColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text as RichText

from catalog.dataset import Text
from gateway.doors.cli.remote import RemoteError

Language = Literal["zh", "en"]
ROWS_SHOWN = 50
NARROW = ("序号", "时间", "审计编号", "no.", "time", "audit entry")
"""Columns that are never wrapped."""
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


class Bilingual(Protocol):
    """A text in both languages: of the catalogue, or as it travels."""

    @property
    def zh(self) -> str:
        """Chinese."""
        ...

    @property
    def en(self) -> str:
        """English."""
        ...


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
        self.error.print(RichText(zh if self.language == "zh" else en))

    def words(self, text: Bilingual) -> str:
        """Return the text in the screen's language."""
        return text.zh if self.language == "zh" else text.en

    def table(self, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        """Print a table on stdout."""
        table = Table(
            header_style="bold",
            box=box.SIMPLE_HEAD,
            pad_edge=False,
            padding=(0, 1, 0, 0),
        )
        for column in columns:
            table.add_column(RichText(column), overflow="fold", no_wrap=column in NARROW)
        for row in rows:
            table.add_row(*(RichText(cell) for cell in row))
        self.out.print(table)

    def indented(self, label: str, text: str) -> None:
        """Print a labelled paragraph on stdout."""
        self.out.print(Padding(RichText(f"{label}: {text}"), (0, 0, 0, 2)))

    def failure(self, error: RemoteError) -> int:
        """Print why a call failed, in both languages, and return the exit code."""
        for reason in error.reasons:
            self.error.print(RichText(f"✗ {reason.code}", style="bold red"))
            for language in ("zh", "en") if self.language == "zh" else ("en", "zh"):
                for key, label in _LABELS.items():
                    text = reason.texts.get(f"{key}_{language}")
                    if text:
                        name = label.zh if language == "zh" else label.en
                        self.error.print(RichText(f"  {name}: {text}"))
        if not error.reasons:
            self.error.print(RichText(f"✗ {error.status.name}: {error.text}", style="bold red"))
            self.say("请检查网关地址与网络后重试。", "Check the gateway's address and the network, then try again.")
        return _EXIT_OF_STATUS.get(error.status, EXIT_UNAVAILABLE)

    def watched(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Yield the batches and show rows and bytes on a terminal."""
        columns = (SpinnerColumn(), TextColumn("{task.fields[rows]:,} 行/rows"), DownloadColumn(), TimeElapsedColumn())
        with Progress(*columns, console=self.error, transient=True, disable=not self.error.is_terminal) as progress:
            task, rows = progress.add_task("", total=None, rows=0), 0
            for batch in batches:
                rows += batch.num_rows
                progress.update(task, advance=batch.nbytes, rows=rows)
                yield batch

    def result(self, batches: Iterator[pa.RecordBatch], *, schema: pa.Schema) -> int:
        """Print the first rows as a table, read the rest, and return the number of rows."""
        shown: list[list[str]] = []
        rows = 0
        for batch in self.watched(batches):
            head = batch.slice(0, max(0, ROWS_SHOWN - rows))
            columns = (column.to_pylist() for column in head.columns)
            shown += [[_cell(value) for value in row] for row in zip(*columns, strict=True)]
            rows += batch.num_rows
        self.table(schema.names, shown)
        if rows > len(shown):
            self.say(
                f"仅显示前 {len(shown)} 行，共 {rows:,} 行；用 --output 保存全部。",
                f"the first {len(shown)} of {rows:,} rows; use --output to keep them all.",
            )
        return rows


def local_time(seconds: int) -> str:
    """Return a time, given in seconds since 1970-01-01 UTC, to the minute in the local zone."""
    return f"{datetime.datetime.fromtimestamp(seconds).astimezone():%Y-%m-%d %H:%M}"


def _cell(value: object) -> str:
    return "" if value is None else str(value)
