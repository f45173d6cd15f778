"""The console's web application: every route, and what every request has to pass."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import cast

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from gateway.client import NotAuthenticated, RequestError, request_errors
from gateway.doors.console.login import LOGIN_PATH, Login
from gateway.doors.console.pages import ACTIONS, PAGES, navigation
from gateway.doors.console.proof import HEADER, ProofInvalid, Proofs
from gateway.doors.console.runs.results import Room
from gateway.doors.console.saved_queries import SavedQueries
from gateway.doors.console.security import SecurityHeaders
from gateway.doors.console.sessions import Browser, Session, Sessions
from gateway.doors.console.settings import ConsoleSettings
from gateway.doors.console.visit import Action, Language, Page, Visit, render

COOKIE = "session"
LANGUAGE_COOKIE = "language"
_SWEEP_SECONDS = 10


class Console:
    """Answers the console's requests.

    Args:
        settings: Of the console.
        clock: Seconds since 1970-01-01 UTC.
    """

    def __init__(self, settings: ConsoleSettings, *, clock: Callable[[], float] = time.time) -> None:
        self.settings = settings
        self.clock = clock
        self.proofs = Proofs()
        self.saved = SavedQueries(settings.directory, gateway=settings.gateway, clock=clock)
        self.sessions = Sessions(
            idle_seconds=settings.idle_seconds,
            session_seconds=settings.session_seconds,
            sessions_max=settings.sessions_max,
            room=Room.of(settings, clock=clock),
        )
        self._secure = settings.origin.startswith("https://")
        self.cookie = f"__Host-{COOKIE}" if self._secure else COOKIE

    def application(self) -> Starlette:
        """Return the ASGI application."""
        login = Login(self)
        routes = [
            *login.routes(),
            *(Route(f"/-{page.path}", self._content(page), methods=["GET"]) for page in PAGES),
            *(Route(f"/-{action.path}", self._action(action), methods=[action.method]) for action in ACTIONS),
            Route("/-/sign-out", self._sign_out, methods=["POST"]),
            *(Route(page.path, self.shell, methods=["GET"]) for page in PAGES),
            Route("/download/{secret}", self._download, methods=["GET"]),
            Route("/", _home, methods=["GET"]),
            Route("/language/{language}", self._choose_language, methods=["GET"]),
            Mount("/static", StaticFiles(directory=Path(__file__).parent / "static")),
        ]
        security = Middleware(SecurityHeaders, origin=self.settings.origin)
        return Starlette(routes=routes, middleware=[security], lifespan=self._lifespan)

    def shell(self, request: Request) -> Response:
        """Return the page that asks for its content itself, with the proof: it holds nothing."""
        return HTMLResponse(render("shell.html", language=language_of(request), now=int(self.clock())))

    def browser(self, request: Request) -> Browser:
        """Return the browser that signed a request.

        Raises:
            ProofInvalid: The request is not signed, or not for this.
        """
        url = self.settings.origin + request.url.path
        key = self.proofs.check(request.headers.get(HEADER, ""), method=request.method, url=url, now=self.clock())
        address = request.client.host if request.client else ""
        return Browser(key=key, address=address, agent=request.headers.get("user-agent", ""))

    def keep(self, response: Response, secret: str) -> Response:
        """Set a session's cookie on an answer."""
        response.set_cookie(self.cookie, secret, secure=self._secure, httponly=True, samesite="strict", path="/")
        return response

    def _content(self, page: Page) -> Callable[[Request], object]:
        return self._endpoint(page.show, live=False)

    def _action(self, action: Action) -> Callable[[Request], object]:
        return self._endpoint(action.call, live=action.live)

    def _endpoint(self, call: Callable[[Visit], Response], *, live: bool) -> Callable[[Request], object]:
        async def endpoint(request: Request) -> Response:
            session = self._session(request, seen=not live)
            if session is None:
                return Response(status_code=401, headers={"HX-Redirect": LOGIN_PATH})
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
            return await run_in_threadpool(self._answer, call, visit, request)

        return endpoint

    def _answer(self, call: Callable[[Visit], Response], visit: Visit, request: Request) -> Response:
        try:
            with request_errors():
                return call(visit)
        except NotAuthenticated:
            self.sessions.close(request.cookies.get(self.cookie, ""))
            return Response(status_code=401, headers={"HX-Redirect": LOGIN_PATH})
        except RequestError as error:
            template = (
                "failed.html"
                if "HX-Target" in request.headers and request.headers["HX-Target"] != "page"
                else "failed_page.html"
            )
            return visit.render(template, status=200, error=error)

    def _session(self, request: Request, *, seen: bool) -> Session | None:
        try:
            browser = self.browser(request)
        except ProofInvalid:
            return None
        return self.sessions.find(request.cookies.get(self.cookie, ""), browser=browser, now=self.clock(), seen=seen)

    def _download(self, request: Request) -> Response:
        session = self.sessions.holder(
            request.cookies.get(self.cookie, ""),
            address=request.client.host if request.client else "",
            agent=request.headers.get("user-agent", ""),
            now=self.clock(),
        )
        offered = session.downloads.take(request.path_params["secret"]) if session else None
        if offered is None:
            return HTMLResponse(render("download_late.html", language=language_of(request)), status_code=410)
        return offered.response()

    async def _sign_out(self, request: Request) -> Response:
        if self._session(request, seen=True) is not None:
            await run_in_threadpool(self.sessions.close, request.cookies[self.cookie])
        response = Response(headers={"HX-Redirect": LOGIN_PATH})
        response.delete_cookie(self.cookie, secure=self._secure, httponly=True, samesite="strict")
        return response

    def _choose_language(self, request: Request) -> Response:
        path = request.query_params.get("to", "/")
        known = path.startswith("/") and not path.startswith("//") and "\\" not in path
        response = RedirectResponse(path if known else "/", status_code=303)
        language: Language = "en" if request.path_params["language"] == "en" else "zh"
        response.set_cookie(
            LANGUAGE_COOKIE, language, secure=self._secure, httponly=True, samesite="lax", max_age=31_536_000
        )
        return response

    @contextlib.asynccontextmanager
    async def _lifespan(self, application: Starlette) -> AsyncIterator[None]:
        async def sweep() -> None:
            while True:
                await asyncio.sleep(_SWEEP_SECONDS)
                await run_in_threadpool(self.sessions.sweep, self.clock())

        sweeping = asyncio.create_task(sweep())
        yield
        sweeping.cancel()
        await run_in_threadpool(self.sessions.close_all)
        self.saved.close()


def language_of(request: Request) -> Language:
    """Return the language that was chosen; Chinese when none was."""
    return cast(Language, "en" if request.cookies.get(LANGUAGE_COOKIE) == "en" else "zh")


def _home(request: Request) -> Response:
    return RedirectResponse("/overview", status_code=303)
