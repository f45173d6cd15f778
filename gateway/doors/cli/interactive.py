"""`gateway query` without a statement: one after the other is asked for, answered, looked through and saved."""

from __future__ import annotations

import io
import pydoc
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
from prompt_toolkit import PromptSession
from prompt_toolkit.history import History
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from rich.console import Console

from catalog.dataset import Text
from gateway.client import RequestError
from gateway.client.catalogue_names import CatalogueNames
from gateway.client.files.cover_sheet import terms_of
from gateway.client.files.formats import FileProblem, check_file_name, write_result
from gateway.client.files.local import LocalDatasets, Request
from gateway.doors.cli.completion import StatementCompleter
from gateway.doors.cli.explanation import show_explanation
from gateway.doors.cli.session import Session
from gateway.doors.cli.show import Screen, show_delivery

HELD_BYTES_MAX = 64 << 20
"""A larger result is shown but not kept for `\\page` and `\\save`."""
PAGED_ROWS_MAX = 10_000
COMMANDS = {
    "\\purpose": Text(
        zh="\\purpose 用途：申报用途；不带参数则列出", en="\\purpose ID: declare a purpose; without one, list them"
    ),
    "\\case": Text(
        zh="\\case 编号：填报案件编号；不带参数则清除", en="\\case NUMBER: give the case number; without one, clear it"
    ),
    "\\explain": Text(
        zh="\\explain 语句：说明会得到什么，不读取数据；不带参数则说明上一条",
        en="\\explain SQL: tell what it would get, without touching data; without one, of the last statement",
    ),
    "\\page": Text(zh="\\page：翻看上一个结果", en="\\page: look through the last result"),
    "\\save": Text(
        zh="\\save 文件：保存上一个结果（.parquet .arrow .csv .xlsx）",
        en="\\save FILE: keep the last result (.parquet .arrow .csv .xlsx)",
    ),
    "\\help": Text(zh="\\help：显示本帮助", en="\\help: show this"),
    "\\q": Text(zh="\\q：退出（或 Ctrl-D）", en="\\q: leave (or Ctrl-D)"),
}
_NOT_CODE = re.compile(r"""'[^']*(?:'|\Z)|"[^"]*(?:"|\Z)|--[^\n]*""")


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldResult:
    """A result that was read to its end."""

    schema: pa.Schema
    receipt: Mapping[str, Any]
    titles: Mapping[str, Text]
    kept: tuple[pa.RecordBatch, ...]
    request: Request

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Yield the batches."""
        yield from self.kept


@dataclass(slots=True, kw_only=True)
class Dialogue:
    """What is declared, and what was answered last."""

    session: Session
    names: CatalogueNames
    purpose: str
    case: str
    partial: bool
    datasets: LocalDatasets
    pager: Callable[[str], object] = pydoc.pager
    statement: str = ""
    held: HeldResult | None = None
    saved: str = ""
    _actions: Mapping[str, Callable[[str], None]] = field(init=False)

    def __post_init__(self) -> None:
        self._actions = {
            "\\purpose": self._declare,
            "\\case": self._give_case,
            "\\explain": self._explain,
            "\\page": self._page,
            "\\save": self._save,
            "\\help": self._help,
        }

    @property
    def screen(self) -> Screen:
        """Where to print."""
        return self.session.screen

    def answer(self, text: str) -> None:
        """Do what a command says, or run a statement; tell what failed."""
        command, _, argument = text.strip().partition(" ")
        try:
            if not command.startswith("\\"):
                self._query(_statement(text))
            elif command in self._actions:
                self._actions[command](argument.strip())
            else:
                self.screen.say(f"没有命令 {command}；\\help 列出全部。", f"there is no {command}; \\help lists all.")
        except RequestError as error:
            self.session.failed(error)
        except FileProblem as error:
            self.screen.say(error.text.zh, error.text.en)
        except OSError as error:
            self.screen.say(f"无法保存：{error.strerror}", f"it cannot be written: {error.strerror}")
        except KeyboardInterrupt:
            self.screen.say("已取消。", "cancelled.")

    def _query(self, statement: str) -> None:
        self.statement, self.held, self.saved = statement, None, ""
        connection, kept = self.session.connection, list[pa.RecordBatch]()
        with connection.query(statement, purpose=self.purpose, case=self.case, partial=self.partial) as result:
            titles = self.names.titles(result.treatment)
            rows = self.screen.result(_keeping(result.batches(), kept), schema=result.schema, titles=titles)
            show_delivery(self.screen, (result.receipt,), rows=rows)
            if kept or not rows:
                self.held = HeldResult(
                    schema=result.schema,
                    receipt=result.receipt,
                    titles=titles,
                    kept=tuple(kept),
                    request=Request(sql=statement, purpose=self.purpose, case=self.case, partial=self.partial),
                )

    def _declare(self, purpose: str) -> None:
        purposes = self.names.purposes()
        if purpose in purposes:
            self.purpose = purpose
            return
        if purpose:
            self.screen.say(
                f"没有用途“{purpose}”，可申报的用途：", f"there is no purpose '{purpose}'; you may declare:"
            )
        self.screen.table(
            ("用途", "标题") if self.screen.language == "zh" else ("purpose", "title"),
            [(each.id, self.screen.words(each.title)) for each in purposes.values()],
        )

    def _give_case(self, case: str) -> None:
        self.case = case

    def _explain(self, text: str) -> None:
        statement = _statement(text) or self.statement
        if not statement:
            self.screen.say("请写出语句：\\explain SELECT …;", "give a statement: \\explain SELECT …;")
            return
        explanation = self.session.connection.explain(statement, purpose=self.purpose, case=self.case)
        show_explanation(self.screen, explanation.answer)

    def _page(self, _: str) -> None:
        if self.held is None:
            self._nothing_held()
            return
        text = io.StringIO()
        console = Console(file=text, width=self.screen.out.width, force_terminal=True, color_system=None)
        paged = Screen(language=self.screen.language, out=console, error=console)
        paged.result(
            self.held.batches(), schema=self.held.schema, titles=self.held.titles, rows_shown_max=PAGED_ROWS_MAX
        )
        self.pager(text.getvalue())

    def _save(self, name: str) -> None:
        if self.held is None:
            self._nothing_held()
            return
        if self.saved:
            self.screen.say(
                f"已保存为 {self.saved}，到期时由 gateway dataset expire 销毁；另一份请重新查询。",
                f"it is saved as {self.saved}, where gateway dataset expire will destroy it; for another copy ask again.",
            )
            return
        path, entry = Path(name).expanduser().absolute(), self.held.receipt["entry"]
        check_file_name(path)
        self.datasets.begin(
            entry,
            path=path,
            profile=self.session.file.absolute(),
            request=self.held.request,
            expires_at=int(terms_of(self.held.schema)["sharing.expires_at"]),
        )
        rows = write_result(self.held, path=path)
        self.datasets.finish(path, rows={entry: rows})
        self.saved = name
        self.screen.say(f"✓ {rows:,} 行 → {name}", f"✓ {rows:,} rows → {name}")

    def _nothing_held(self) -> None:
        self.screen.say(
            f"没有保留的结果。超过 {HELD_BYTES_MAX >> 20} MiB 的结果请退出后用 gateway query --output 保存。",
            f"there is no result here. For one of more than {HELD_BYTES_MAX >> 20} MiB leave and use gateway query --output.",
        )

    def _help(self, _: str) -> None:
        self.screen.say(
            "语句以分号结束，可以分行；Tab 补全，↑ 取回，Ctrl-C 取消。",
            "A statement ends with a semicolon and may have several lines; Tab completes, ↑ brings back, Ctrl-C cancels.",
        )
        for does in COMMANDS.values():
            self.screen.say(f"  {does.zh}", f"  {does.en}")


def converse(dialogue: Dialogue, *, history: History) -> None:
    """Ask for statements on the terminal until the requester leaves.

    Raises:
        RequestError: The gateway does not answer, or not to this requester.
    """
    screen = dialogue.screen
    dialogue.names.purposes()
    completer = StatementCompleter(
        dialogue.names, purpose=lambda: dialogue.purpose, commands=COMMANDS, words=screen.words
    )
    prompt = PromptSession[str](
        history=history,
        completer=completer,
        complete_in_thread=True,
        multiline=True,
        prompt_continuation="… ",
        key_bindings=_bindings(),
        bottom_toolbar=lambda: _toolbar(dialogue),
    )
    office = dialogue.session.profile.office
    screen.say(
        f"{office}，已连接。语句以分号结束；\\help 显示帮助，\\q 退出。",
        f"connected as {office}. A statement ends with a semicolon; \\help shows help, \\q leaves.",
    )
    while True:
        try:
            text = prompt.prompt(f"{dialogue.purpose or 'gateway'}> ").strip()
        except KeyboardInterrupt:
            continue
        except EOFError:
            return
        if text == "\\q":
            return
        if text:
            dialogue.answer(text)


def is_complete(text: str) -> bool:
    """Tell whether Enter ends the input: a command, or a statement whose semicolon stands outside literals and comments."""
    text = text.strip()
    if not text or (text.startswith("\\") and not text.startswith("\\explain ")):
        return True
    return _NOT_CODE.sub("", text).rstrip().endswith(";")


def _statement(text: str) -> str:
    return text.strip().removesuffix(";").rstrip()


def _keeping(batches: Iterator[pa.RecordBatch], kept: list[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Yield the batches and keep them; none when they are too large together."""
    room = HELD_BYTES_MAX
    for batch in batches:
        room -= batch.nbytes
        if room >= 0:
            kept.append(batch)
        else:
            kept.clear()
        yield batch


def _bindings() -> KeyBindings:
    bindings = KeyBindings()

    @bindings.add("enter")
    def _(event: KeyPressEvent) -> None:
        buffer = event.current_buffer
        if is_complete(buffer.text):
            buffer.validate_and_handle()
        elif buffer.complete_state and buffer.complete_state.current_completion:
            buffer.complete_state = None
        else:
            buffer.insert_text("\n")

    return bindings


def _toolbar(dialogue: Dialogue) -> str:
    zh = dialogue.screen.language == "zh"
    purpose = dialogue.names.purposes().get(dialogue.purpose)
    title = (
        dialogue.screen.words(purpose.title) if purpose else ("未申报，请用 \\purpose" if zh else "none: use \\purpose")
    )
    case = f"  {'案件' if zh else 'case'} {dialogue.case}" if dialogue.case else ""
    return f"{'用途' if zh else 'purpose'} {title}{case}"
