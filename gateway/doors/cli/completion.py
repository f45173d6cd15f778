"""Completion of statements: datasets, columns, purposes and keywords, with their titles."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress

from prompt_toolkit.completion import CompleteEvent, Completer, Completion, PathCompleter
from prompt_toolkit.document import Document

from gateway.client import RequestError
from gateway.doors.cli.catalogue_names import CatalogueNames
from gateway.doors.cli.show import Bilingual

_KEYWORDS = (
    "SELECT", "DISTINCT", "FROM", "JOIN", "LEFT JOIN", "ON", "USING", "WHERE", "AND", "OR", "NOT", "IN", "EXISTS", "BETWEEN",
    "LIKE", "IS NULL", "IS NOT NULL", "GROUP BY", "HAVING", "ORDER BY", "LIMIT", "AS", "CASE", "WHEN", "THEN", "ELSE", "END",
    "CAST", "DATE", "INTERVAL", "WITH", "UNION ALL", "COUNT", "SUM", "AVG", "MIN", "MAX", "CURRENT_DATE",
)  # fmt: skip
_WORD = re.compile(r"[\w.]*\Z")
_AFTER_FROM = re.compile(r"\b(?:FROM|JOIN)\s+[\w.]*\Z", re.IGNORECASE)
_TABLE = re.compile(r"\b(?:FROM|JOIN)\s+([a-z_]\w*\.[a-z_]\w*)(?:\s+(?:AS\s+)?([a-z_]\w*))?", re.IGNORECASE)
_LITERAL = re.compile(r"'[^']*'")
Purpose = Callable[[], str]
"""Returns the purpose that is declared now; empty for none."""


class StatementCompleter(Completer):
    """Completes SQL, and the commands that begin with a backslash.

    Args:
        names: What the requester may use.
        purpose: Only what this purpose opens is offered.
        commands: Commands by name, with what they do.
        words: Chooses the language.
    """

    def __init__(
        self,
        names: CatalogueNames,
        *,
        purpose: Purpose,
        commands: Mapping[str, Bilingual],
        words: Callable[[Bilingual], str],
    ) -> None:
        self._names = names
        self._purpose = purpose
        self._commands = commands
        self._words = words

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterator[Completion]:
        """Yield what may stand where the cursor is; nothing while the gateway does not answer."""
        with suppress(RequestError):
            yield from self._completions(document, complete_event)

    def _completions(self, document: Document, complete_event: CompleteEvent) -> Iterator[Completion]:
        before = document.text_before_cursor.lstrip()
        command, blank, argument = before.partition(" ")
        if not before.startswith("\\"):
            yield from self._in_statement(_LITERAL.sub("", before), text=_LITERAL.sub("", document.text))
        elif not blank:
            yield from _fitting(before, ((name, self._words(does)) for name, does in self._commands.items()))
        elif command == "\\purpose":
            purposes = self._names.purposes().values()
            yield from _fitting(argument, ((purpose.id, self._words(purpose.title)) for purpose in purposes))
        elif command == "\\save":
            yield from PathCompleter(expanduser=True).get_completions(Document(argument), complete_event)
        elif command == "\\explain":
            yield from self._in_statement(_LITERAL.sub("", argument), text=_LITERAL.sub("", argument))

    def _in_statement(self, before: str, *, text: str) -> Iterator[Completion]:
        if "'" in before:
            return  # inside a literal
        word = _WORD.search(before)[0]  # type: ignore[index]  # it matches the empty word
        if _AFTER_FROM.search(before):
            yield from _fitting(word, self._datasets())
            return
        tables = [(name, alias or name) for name, alias in _TABLE.findall(text)]
        if word and not tables and self._purpose():
            tables = [(name, name) for name, _ in self._datasets()]
        table, dot, column = word.rpartition(".")
        columns: dict[str, str] = {}
        for name, alias in tables:
            if not dot or table in (name, alias):
                columns.update(self._columns(name))
        yield from _fitting(column, columns.items())
        if word:
            yield from _fitting(word, self._datasets())
            yield from _fitting(word, ((keyword, "") for keyword in _KEYWORDS))

    def _datasets(self) -> Iterator[tuple[str, str]]:
        for name, dataset in self._names.datasets().items():
            if self._purpose() in ("", *dataset.purposes):
                yield name, self._words(dataset.title)

    def _columns(self, dataset: str) -> Iterator[tuple[str, str]]:
        for name, column in self._names.columns(dataset).items():
            if not self._purpose():
                yield name, self._words(column.title)
            elif self._purpose() in column.treatments:
                yield name, f"{self._words(column.title)}  {column.treatments[self._purpose()]}"


def _fitting(word: str, offered: Iterable[tuple[str, str]]) -> Iterator[Completion]:
    """Yield what begins with the word, has a part that begins with it, or whose title holds it."""
    part = re.compile(rf"(?:^|[\W_]){re.escape(word)}", re.IGNORECASE)
    for name, title in offered:
        if part.search(name) or word.lower() in title.lower():
            yield Completion(name, start_position=-len(word), display_meta=title)
