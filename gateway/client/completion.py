"""Completion of statements: datasets, columns and keywords, with their titles."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from catalog.dataset import Bilingual
from gateway.client.catalogue_names import CatalogueNames
from sharing_stubs.sharing.catalog.v1 import catalog_pb2

_KEYWORDS = (
    "SELECT", "DISTINCT", "FROM", "JOIN", "LEFT JOIN", "ON", "USING", "WHERE", "AND", "OR", "NOT", "IN", "EXISTS", "BETWEEN",
    "LIKE", "IS NULL", "IS NOT NULL", "GROUP BY", "HAVING", "ORDER BY", "LIMIT", "AS", "CASE", "WHEN", "THEN", "ELSE", "END",
    "CAST", "DATE", "INTERVAL", "WITH", "UNION ALL", "COUNT", "SUM", "AVG", "MIN", "MAX", "CURRENT_DATE",
)  # fmt: skip
_WORD = re.compile(r"[\w.]*\Z")
_AFTER_FROM = re.compile(r"\b(?:FROM|JOIN)\s+[\w.]*\Z", re.IGNORECASE)
_TABLE = re.compile(r"\b(?:FROM|JOIN)\s+([a-z_]\w*\.[a-z_]\w*)(?:\s+(?:AS\s+)?([a-z_]\w*))?", re.IGNORECASE)
_LITERAL = re.compile(r"'[^']*'")
Left = Callable[[catalog_pb2.ColumnDescription, str], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """What may stand where the cursor is."""

    text: str
    title: str
    """What it means; empty for a keyword."""
    replaces: int
    """How many characters before the cursor it takes the place of."""


def complete(
    before: str,
    *,
    text: str,
    names: CatalogueNames,
    purpose: str,
    words: Callable[[Bilingual], str],
    left: Left = lambda column, purpose: column.treatments[purpose],
) -> Iterator[Candidate]:
    """Yield what may stand after `before` in a statement.

    Args:
        before: The statement up to the cursor.
        text: All of it.
        names: What the requester may use.
        purpose: Only what this purpose opens is offered; empty for all.
        words: Chooses the language.
        left: Tells what a purpose leaves of a column.

    Raises:
        RequestError: The gateway does not answer.
    """
    return _Completion(names=names, purpose=purpose, words=words, left=left).candidates(
        _LITERAL.sub("", before), text=_LITERAL.sub("", text)
    )


def fitting(word: str, offered: Iterable[tuple[str, str]]) -> Iterator[Candidate]:
    """Yield what begins with the word or whose title does, then what has a part that begins with it or whose title holds it."""
    part = re.compile(rf"(?:^|[\W_]){re.escape(word)}", re.IGNORECASE)
    found = [one for one in offered if part.search(one[0]) or word.lower() in one[1].lower()]
    for name, title in sorted(found, key=lambda one: not any(text.lower().startswith(word.lower()) for text in one)):
        yield Candidate(text=name, title=title, replaces=len(word))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Completion:
    names: CatalogueNames
    purpose: str
    words: Callable[[Bilingual], str]
    left: Left

    def candidates(self, before: str, *, text: str) -> Iterator[Candidate]:
        if "'" in before:
            return  # inside a literal
        word = _WORD.search(before)[0]  # type: ignore[index]  # it matches the empty word
        if _AFTER_FROM.search(before):
            yield from fitting(word, self._datasets())
            return
        tables = [(name, alias or name) for name, alias in _TABLE.findall(text)]
        if word and not tables and self.purpose:
            tables = [(name, name) for name, _ in self._datasets()]
        table, dot, column = word.rpartition(".")
        columns: dict[str, str] = {}
        for name, alias in tables:
            if not dot or table in (name, alias):
                columns.update(self._columns(name))
        yield from fitting(column, columns.items())
        if word:
            yield from fitting(word, self._datasets())
            yield from fitting(word, ((keyword, "") for keyword in _KEYWORDS))

    def _datasets(self) -> Iterator[tuple[str, str]]:
        for name, dataset in self.names.datasets().items():
            if self.purpose in ("", *dataset.purposes):
                yield name, self.words(dataset.title)

    def _columns(self, dataset: str) -> Iterator[tuple[str, str]]:
        for name, column in self.names.columns(dataset).items():
            if not self.purpose:
                yield name, self.words(column.title)
            elif self.purpose in column.treatments:
                yield name, f"{self.words(column.title)}  {self.left(column, self.purpose)}"
