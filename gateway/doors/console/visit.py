"""One proven request of a signed-in requester, and how it is answered."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeVar
from zoneinfo import ZoneInfo

import grpc
from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.datastructures import FormData, QueryParams
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from catalog.dataset import Bilingual
from gateway.client import Connection, request_errors
from gateway.doors.console.saved_queries import OwnQueries
from gateway.doors.console.sessions import Session

Language = Literal["zh", "en"]
LANGUAGE_COOKIE = "language"
_Request = TypeVar("_Request")
_Answer = TypeVar("_Answer")
CITY_TIME = ZoneInfo("Asia/Shanghai")


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """One proven request of a signed-in requester."""

    session: Session
    language: Language
    path: str
    """Of the page, such as `/datasets/population.resident`."""
    names: Mapping[str, str]
    """What stands for the names of the route's path."""
    query: QueryParams
    """Of the URL: nothing sensitive stands there."""
    form: FormData
    saved: OwnQueries
    """What the requester saved."""
    now: float
    """Seconds since 1970-01-01 UTC."""
    navigation: tuple[NavigationGroup, ...] = ()

    @property
    def connection(self) -> Connection:
        """To the gateway, with the requester's own token."""
        return self.session.connection

    def text(self, name: str) -> str:
        """Return a field of the form, stripped; empty when it was not sent."""
        value = self.form.get(name, "")
        return value.strip() if isinstance(value, str) else ""

    def words(self, text: Bilingual) -> str:
        """Return the text in the requester's language."""
        return words(text, self.language)

    def render(self, template: str, **values: Any) -> Response:  # noqa: ANN401 - a template's
        """Return a template's HTML. Templates know `t`, `words`, `visit` and what is given."""
        return HTMLResponse(render(template, language=self.language, visit=self, **values))

    def call(self, method: grpc.UnaryUnaryMultiCallable[_Request, _Answer], request: _Request) -> _Answer:
        """Return what the gateway answers to the requester. Raises RequestError."""
        with request_errors():
            return method(request, metadata=self.connection.headers())

    def go(self, path: str) -> Response:
        """Return an answer that leads the browser to another page."""
        return Response(headers={"HX-Redirect": path})


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A page with a URL of its own, `/datasets/{name}`; its content comes from `/-/datasets/{name}`, to who proves the key."""

    path: str
    title: Bilingual
    show: Callable[[Visit], Response]
    group: Literal["", "ask", "department", "audit", "overview"] = ""
    """Where it stands in the navigation; empty for nowhere."""
    roles: frozenset[str] = frozenset()
    """To whom the navigation offers it; empty for all. Who may do what is the gateway's to decide."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """What a page asks for below `/-`: a part of itself, or a change."""

    method: Literal["GET", "POST"]
    path: str
    call: Callable[[Visit], Response]
    live: bool = False
    """Asked by the page itself, again and again: it does not keep the session alive."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NavigationGroup:
    """Pages under one heading."""

    title: Bilingual
    pages: tuple[Page, ...]


def language_of(request: Request) -> Language:
    """Return the language that was chosen; Chinese when none was."""
    return "en" if request.cookies.get(LANGUAGE_COOKIE) == "en" else "zh"


def address_of(request: Request) -> str:
    """Return the network address that asks; empty when the server does not know it."""
    return request.client.host if request.client else ""


def words(text: Bilingual, language: Language) -> str:
    """Return a text in one language; in the other one when it is missing."""
    return (text.zh or text.en) if language == "zh" else (text.en or text.zh)


def render(template: str, *, language: Language, **values: Any) -> str:  # noqa: ANN401 - a template's
    """Return a template's HTML; every value is escaped."""
    return _TEMPLATES.get_template(template).render(
        language=language,
        t=lambda zh, en: zh if language == "zh" else en,
        words=lambda text: words(text, language),
        **values,
    )


def when(seconds: float | None) -> str:
    """Return the city's date and time of a moment; a dash for none."""
    return f"{datetime.datetime.fromtimestamp(seconds, CITY_TIME):%Y-%m-%d %H:%M:%S}" if seconds else "—"


def number(value: float | None) -> str:
    """Return a number with separators; a dash for none."""
    return "—" if value is None else f"{value:,}"


def plural(count: int, one: str, many: str = "") -> str:
    """Return an English number of things: `1 entry`, `1,203 entries`; an `s` is added when no plural is given."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


_TEMPLATES = Environment(
    loader=PackageLoader("gateway.doors.console"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_TEMPLATES.filters |= {"when": when, "number": number, "plural": plural}
