"""The console's web application: every route, and what every request has to pass."""

from __future__ import annotations

import asyncio
import contextlib
import re
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Literal
from urllib.parse import quote

import anyio
import structlog
from anyio import to_thread
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Mount, Route, compile_path
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from catalog.dataset import Text
from gateway.client import RequestError, request_errors
from gateway.doors.console.login import LOGIN_PATH, Login
from gateway.doors.console.pages import ACTIONS, PAGES, navigation
from gateway.doors.console.proof import HEADER, Proof, ProofInvalid, check_proof
from gateway.doors.console.runs.results import Room
from gateway.doors.console.saved_queries import SavedQueries
from gateway.doors.console.security import BodyTooLarge, SecurityHeaders, too_large
from gateway.doors.console.sessions import Browser, NoSession, Session, Sessions
from gateway.doors.console.settings import ConsoleSettings
from gateway.doors.console.sign_in_texts import Ending, ending_of
from gateway.doors.console.visit import LANGUAGE_COOKIE, Language, Visit, address_of, language_of, render

COOKIE = "session"
_SWEEP_SECONDS = 10
_POLLING_MAX = 16
"""Threads for what pages ask by themselves: the others are left to who acts."""
_LOG = structlog.get_logger("gateway.console")
_PATH = re.compile(r"(/[A-Za-z0-9._~%-]+)+")
_PATH_CHARACTERS_MAX = 300
_AGAIN = Text(
    zh="请回到总览再试一次；若仍不成功，请把发生的时间告知管理员。",
    en="Go back to the overview and try again; if it fails again, tell your administrator when it happened.",
)
_ABSENT = Text(zh="没有这个页面", en="There is no such page")
_BROKEN = Text(zh="控制台出错了，这一步没有完成", en="The console failed: this was not done")


class Console:
    """Answers the console's requests.

    Args:
        settings: Of the console.
        clock: Seconds since 1970-01-01 UTC.
    """

    def __init__(self, settings: ConsoleSettings, *, clock: Callable[[], float] = time.time) -> None:
        self.settings = settings
        self.clock = clock
        self.saved = SavedQueries(settings.directory, gateway=settings.gateway, clock=clock)
        self.sessions = Sessions(
            idle_seconds=settings.idle_seconds,
            session_seconds=settings.session_seconds,
            sessions_max=settings.sessions_max,
            room=Room.of(settings, clock=clock),
        )
        self._secure = settings.origin.startswith("https://")
        port = settings.origin.rpartition(":")[2]  # which cookies do not distinguish by themselves
        self.cookie = f"__Host-{COOKIE}" if self._secure else f"{COOKIE}-{port}"
        self._polling = anyio.CapacityLimiter(_POLLING_MAX)
        self._pages = [compile_path(page.path)[0] for page in PAGES]

    def application(self) -> ASGIApp:
        """Return the ASGI application."""
        login = Login(self)
        routes = [
            *login.routes(),
            *(Route(f"/-{page.path}", self._endpoint(page.show, live=False), methods=["GET"]) for page in PAGES),
            *(
                Route(f"/-{action.path}", self._endpoint(action.call, live=action.live), methods=[action.method])
                for action in ACTIONS
            ),
            Route("/-/sign-out", self._sign_out, methods=["POST"]),
            *(Route(page.path, self.shell, methods=["GET"]) for page in PAGES),
            Route("/download/{secret}", self._download, methods=["GET"]),
            Route("/", _home, methods=["GET"]),
            Route("/language/{language}", self._choose_language, methods=["GET"]),
            Mount("/static", StaticFiles(directory=Path(__file__).parent / "static")),
        ]
        application = Starlette(
            routes=routes,
            lifespan=self._lifespan,
            exception_handlers={HTTPException: _absent, BodyTooLarge: lambda *_: too_large(), Exception: _broken},
        )
        return SecurityHeaders(application, origin=self.settings.origin)

    async def shell(self, request: Request) -> Response:
        """Return the page that asks for its content itself, with the proof: it holds nothing."""
        return HTMLResponse(render("shell.html", language=language_of(request), now=int(self.clock())))

    def proven(self, request: Request) -> tuple[Proof, Browser]:
        """Return the proof of a request and the browser that signed it; whether it was used before is not known yet.

        Raises:
            ProofInvalid: The request is not signed, or not for this.
        """
        url = self.settings.origin + request.scope["raw_path"].decode("latin-1")
        proof = check_proof(request.headers.getlist(HEADER), method=request.method, url=url, now=self.clock())
        return proof, Browser(key=proof.key, address=address_of(request), agent=request.headers.get("user-agent", ""))

    def page_path(self, path: str) -> str | None:
        """Return the path of a page of the console, percent-encoded; None for anything else, so that nobody is led away."""
        encoded = quote(path, safe="/%")
        known = len(encoded) <= _PATH_CHARACTERS_MAX and _PATH.fullmatch(encoded)
        return encoded if known and any(page.match(path) for page in self._pages) else None

    def set_cookie(
        self,
        response: Response,
        name: str,
        value: str,
        *,
        samesite: Literal["strict", "lax"],
        seconds: int | None = None,
    ) -> None:
        """Set a cookie that no script reads; it is gone with the browser, or after so many seconds."""
        response.set_cookie(name, value, secure=self._secure, httponly=True, samesite=samesite, max_age=seconds)

    def delete_cookie(self, response: Response, name: str) -> None:
        """Delete such a cookie."""
        response.delete_cookie(name, secure=self._secure, httponly=True, samesite="strict")

    def _endpoint(self, call: Callable[[Visit], Response], *, live: bool) -> Callable[[Request], object]:
        async def endpoint(request: Request) -> Response:
            try:
                session = await run_in_threadpool(self._session, request, seen=not live)
            except NoSession as no:
                return _no_session(no.why)
            visit = Visit(
                session=session,
                language=language_of(request),
                path=request.url.path.removeprefix("/-"),
                names=request.path_params,
                query=request.query_params,
                form=await request.form() if request.method == "POST" else FormData(),
                saved=self.saved.of(session.subject),
                now=self.clock(),
                navigation=navigation(session.requester.roles),
            )
            threads = self._polling if live else None
            return await to_thread.run_sync(self._answer, call, visit, request, limiter=threads)

        return endpoint

    def _answer(self, call: Callable[[Visit], Response], visit: Visit, request: Request) -> Response:
        try:
            with request_errors():
                return call(visit)
        except (RequestError, ValueError) as error:
            ending = ending_of(error) if isinstance(error, RequestError) else None
            if ending is not None:
                self.sessions.close(request.cookies.get(self.cookie, ""), why=ending)
                return _no_session(ending)
            if visit.session.closed:  # while it was asked: the connection is gone
                return _no_session(self.sessions.why(request.cookies.get(self.cookie, "")))
            if not isinstance(error, RequestError):
                raise
            template = (
                "failed.html"
                if "HX-Target" in request.headers and request.headers["HX-Target"] != "page"
                else "failed_page.html"
            )
            return visit.render(template, error=error)

    def _session(self, request: Request, *, seen: bool) -> Session:
        """Return the session of a proven request.

        Raises:
            NoSession: There is none, or the proof does not hold for this request.
        """
        secret = request.cookies.get(self.cookie, "")
        try:
            proof, browser = self.proven(request)
            return self.sessions.find(secret, proof=proof, browser=browser, now=self.clock(), seen=seen)
        except ProofInvalid as error:
            own = request.headers.get("sec-fetch-site", "same-origin") == "same-origin"
            if own and not request.headers.get(HEADER):  # the console's pages have the key: the cookie is elsewhere
                self.sessions.close(secret, why=Ending.ELSEWHERE)
            raise NoSession(self.sessions.why(secret)) from error

    def _download(self, request: Request) -> Response:
        if request.method != "GET":  # a route that answers GET answers HEAD, which must not use up the link
            return Response(status_code=405, headers={"Allow": "GET"})
        session = self.sessions.holder(
            request.cookies.get(self.cookie, ""),
            address=address_of(request),
            agent=request.headers.get("user-agent", ""),
            now=self.clock(),
        )
        offered = session.downloads.take(request.path_params["secret"]) if session else None
        if offered is None:
            page = render("download_late.html", language=language_of(request), now=int(self.clock()))
            return HTMLResponse(page, status_code=410)
        return offered.response()

    async def _sign_out(self, request: Request) -> Response:
        with contextlib.suppress(NoSession):
            await run_in_threadpool(self._session, request, seen=True)
            await run_in_threadpool(self.sessions.close, request.cookies[self.cookie], why=Ending.SIGNED_OUT)
        response = Response(headers={"HX-Redirect": _why(Ending.SIGNED_OUT)})
        self.delete_cookie(response, self.cookie)
        return response

    async def _choose_language(self, request: Request) -> Response:
        path = request.query_params.get("to", "/")
        response = RedirectResponse(path if path == LOGIN_PATH else self.page_path(path) or "/", status_code=303)
        language: Language = "en" if request.path_params["language"] == "en" else "zh"
        self.set_cookie(response, LANGUAGE_COOKIE, language, samesite="lax", seconds=31_536_000)
        return response

    @contextlib.asynccontextmanager
    async def _lifespan(self, application: Starlette) -> AsyncIterator[None]:
        async def sweep() -> None:
            own_thread = anyio.CapacityLimiter(1)  # however many handlers wait
            while True:
                await asyncio.sleep(_SWEEP_SECONDS)
                try:
                    await to_thread.run_sync(self.sessions.sweep, self.clock(), limiter=own_thread)
                except Exception as error:  # noqa: BLE001 - one that fails must not keep the others open for ever
                    _LOG.error("sessions were not swept", error=type(error).__name__)

        sweeping = asyncio.create_task(sweep())
        yield
        sweeping.cancel()
        await run_in_threadpool(self.sessions.close_all)
        self.saved.close()


def _why(ending: Ending) -> str:
    return f"{LOGIN_PATH}?why={ending.value}"


def _no_session(why: Ending | None) -> Response:
    """Lead to the sign-in; where the session is still open, the page has to be opened anew."""
    return Response(status_code=401, headers={"HX-Redirect": _why(why)} if why else {"HX-Refresh": "true"})


def _absent(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 404
    return _problem(request, _ABSENT, status=status)


def _broken(request: Request, error: Exception) -> Response:
    return _problem(request, _BROKEN, status=500)


def _problem(request: Request, what: Text, *, status: int) -> Response:
    template = "problem_part.html" if request.url.path.startswith("/-/") else "problem.html"
    language, now = language_of(request), int(time.time())
    return HTMLResponse(render(template, language=language, now=now, what=what, next=_AGAIN), status_code=status)


async def _home(request: Request) -> Response:
    return RedirectResponse("/overview", status_code=303)
