"""What a query would get, for whoever is about to ask it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from catalog.dataset import Bilingual, Text
from gateway.client import Explanation, InvalidRequest
from gateway.client.catalogue_names import CatalogueNames
from gateway.client.errors import ErrorReason
from gateway.doors.console.asking.editor import Editor
from gateway.doors.console.asking.picks import ColumnName
from gateway.doors.console.asking.read_sql import place_of_mistake
from gateway.doors.console.asking.words import why_not
from gateway.doors.console.visit import Visit
from sharing_stubs.sharing.catalog.v1 import catalog_pb2

_PURPOSES_OFFERED_MAX = 2
_NAME = re.compile(r"[a-z][a-z0-9_-]*(?:\.[a-z][a-z0-9_]*){0,2}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What may be done about a reason."""

    drop: str = ""
    """Column or dataset to leave out."""
    purpose: str = ""
    """Purpose to declare instead."""
    title: Text


@dataclass(frozen=True, slots=True, kw_only=True)
class Why:
    """One reason against a query."""

    message: Bilingual
    legal_basis: Bilingual | None
    remedy: Bilingual | None
    code: str = ""
    offers: tuple[Offer, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a query would get."""

    lacks: Text | None = None
    """What is missing before it can be asked; then nothing else is told."""
    mistake: Text | None = None
    """Where the SQL stops being SQL."""
    explanation: Explanation | None = None
    reasons: tuple[Why, ...] = ()


def told(visit: Visit, editor: Editor) -> Told:
    """Ask what the query would get; nothing is asked while something is missing in it, or it is no SQL yet.

    A query that would be denied is recorded by the gateway, so half a query is not asked.

    Raises:
        RequestError: The gateway does not answer.
    """
    if editor.problem or editor.lacks:
        return Told(lacks=editor.problem or editor.lacks)
    place = place_of_mistake(editor.draft.sql)
    if place:
        return Told(mistake=_mistake(editor.draft.sql, *place))
    try:
        explanation = visit.connection.explain(editor.draft.sql, purpose=editor.draft.purpose, case=editor.draft.case)
    except InvalidRequest as error:
        return Told(reasons=tuple(_why(reason, editor=editor) for reason in error.reasons) or (_unknown(error),))
    return Told(explanation=explanation, reasons=tuple(_why(reason, editor=editor) for reason in explanation.denials))


def in_titles(text: Bilingual, *, names: CatalogueNames) -> Text:
    """Return a text in which the ids of purposes, datasets and columns are their titles."""
    found = {id: purpose.title for id, purpose in names.purposes().items()}
    found |= {name: dataset.title for name, dataset in names.datasets().items()}

    def title(name: str, language: str) -> str:
        if name in found:
            return str(getattr(found[name], language))
        column = _column(name, names=names)
        if column is None:
            return name
        dataset = found[ColumnName.parse(name).dataset]
        return f"{getattr(dataset, language)} · {getattr(column.title, language)}"

    zh = _NAME.sub(lambda match: title(match[0], "zh"), text.zh)
    en = _NAME.sub(lambda match: title(match[0], "en"), text.en)
    return Text(zh=zh, en=en)


def why_of(reason: ErrorReason, *, names: CatalogueNames | None, offers: Iterable[Offer] = ()) -> Why:
    """Return a reason as it is told: with titles for ids, unless there are no `names`."""
    message, remedy = reason.message or Text(zh=reason.code, en=reason.code), reason.remedy
    return Why(
        message=in_titles(message, names=names) if names else message,
        legal_basis=reason.legal_basis,
        remedy=in_titles(remedy, names=names) if names and remedy else remedy,
        code=reason.code,
        offers=tuple(offers),
    )


def _why(reason: ErrorReason, *, editor: Editor) -> Why:
    return why_of(reason, names=editor.shelf.names, offers=_offers(reason, editor=editor))


def _unknown(error: InvalidRequest) -> Why:
    return Why(message=Text(zh=error.text or "—", en=error.text or "—"), legal_basis=None, remedy=error.remedy)


def _offers(reason: ErrorReason, *, editor: Editor) -> Iterable[Offer]:
    """Yield how to do without what a reason names, and which other purposes open it."""
    names = editor.shelf.names
    message = reason.message.zh if reason.message else ""
    named = [name for name in dict.fromkeys(_NAME.findall(message)) if "." in name]
    for name in named:
        column, dataset = _column(name, names=names), names.datasets().get(name)
        if column is None and dataset is None:
            continue
        title = column.title if column else dataset.title  # type: ignore[union-attr]  # one of them is there
        treatments: Mapping[str, str] = column.treatments if column else dict.fromkeys(dataset.purposes, "")  # type: ignore[union-attr]
        if editor.draft.purpose in treatments:
            continue
        if editor.picks:
            yield Offer(drop=name, title=Text(zh=f"去掉“{title.zh}”", en=f"Leave out '{title.en}'"))
        usable = [id for id, purpose in names.purposes().items() if id in treatments and not why_not(purpose)]
        for id in usable[:_PURPOSES_OFFERED_MAX]:
            other = names.purposes()[id].title
            yield Offer(purpose=id, title=Text(zh=f"改用“{other.zh}”", en=f"Declare '{other.en}' instead"))


def _column(name: str, *, names: CatalogueNames) -> catalog_pb2.ColumnDescription | None:
    found = ColumnName.parse(name)
    return names.columns(found.dataset).get(found.column) if found.dataset in names.datasets() else None


def _mistake(sql: str, line: int, column: int) -> Text:
    lines = sql.splitlines()
    before = " ".join(lines[line - 1][:column].split()[-3:]) if line <= len(lines) else ""
    return Text(
        zh=f"SQL 还不完整，或第 {line} 行第 {column} 个字符处有误：“…{before}”之后。",
        en=f"The SQL is not complete yet, or wrong at line {line}, character {column}: after '…{before}'.",
    )
