"""Signing in: a profile file, a one-time code, or the city's own sign-in."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from gateway.client import Profile, RequestError, connect
from gateway.doors.console.proof import ProofInvalid
from gateway.doors.console.sessions import Browser
from gateway.doors.console.visit import render

if TYPE_CHECKING:
    from gateway.doors.console.app import Console

LOGIN_PATH = "/login"
_AFTER = "/overview"


class Login:
    """The ways to sign in.

    Args:
        console: That opens the session.
    """

    def __init__(self, console: Console) -> None:
        self._console = console

    def routes(self) -> tuple[Route, ...]:
        """Return the routes that need no session."""
        return (
            Route(LOGIN_PATH, self._page, methods=["GET"]),
            Route("/login/profile", self._with_profile, methods=["POST"]),
        )

    def _page(self, request: Request) -> Response:
        language = "en" if request.cookies.get("language") == "en" else "zh"
        return HTMLResponse(render("login.html", language=language, now=int(self._console.clock())))

    async def _with_profile(self, request: Request) -> Response:
        try:
            browser = self._console.browser(request)
        except ProofInvalid:
            return HTMLResponse("", status_code=401)
        form = await request.form()
        text = form.get("profile", "")
        try:
            profile = Profile.model_validate_json(text if isinstance(text, str) else b"")
        except ValueError:
            return HTMLResponse("profile", status_code=200)
        return await run_in_threadpool(self._sign_in, profile.token, profile.expires_at, browser)

    def _sign_in(self, token: str, expires_at: str, browser: Browser) -> Response:
        settings = self._console.settings
        profile = Profile(
            endpoint=settings.gateway, token=token, expires_at=expires_at, ca_certificate=settings.gateway_ca, office=""
        )
        connection = connect(profile)
        try:
            requester = connection.catalog.requester()
        except RequestError as error:
            connection.close()
            return HTMLResponse(str(error))
        secret = self._console.sessions.open(
            connection,
            requester=requester,
            browser=browser,
            now=self._console.clock(),
            token_ends_at=datetime.datetime.fromisoformat(expires_at).timestamp(),
        )
        return self._console.keep(Response(headers={"HX-Redirect": _AFTER}), secret)
