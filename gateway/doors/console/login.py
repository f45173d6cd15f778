"""Signing in: a profile file, a one-time code on this machine, or the city's own sign-in."""

from __future__ import annotations

import re
import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING

import anyio
import jwt
import structlog
from anyio import to_thread
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from gateway.client import Connection, NotAuthenticated, Profile, RequestError, Unavailable, connect
from gateway.doors.console.codes import CODE_SECONDS, CODE_SECONDS_MAX, Codes
from gateway.doors.console.oidc import CitySignIn
from gateway.doors.console.proof import ProofInvalid, UsedProofs
from gateway.doors.console.security import CODES_PATH
from gateway.doors.console.sessions import Browser, digest_of
from gateway.doors.console.sign_in_texts import ENDINGS, TROUBLES, UNFINISHED, Ending, SignInFailed, Trouble
from gateway.doors.console.turns import Turns
from gateway.doors.console.visit import address_of, language_of, render
from sharing_stubs.sharing.catalog.v1 import catalog_pb2

if TYPE_CHECKING:
    from gateway.doors.console.app import Console

LOGIN_PATH = "/login"
_CITY_PATH = f"{LOGIN_PATH}/city"
_RETURN_PATH = f"{_CITY_PATH}/return"
_AFTER = "/overview"
_TOKEN = re.compile(r"[A-Za-z0-9._~+/=-]{1,8192}")
_ADDRESSES_MAX = 1_000
_ANSWER_SECONDS_MAX = 60
"""A gateway that hangs must not keep the console's threads."""
_SIGNING_IN_MAX = 8
"""Threads for who is not signed in yet: the others are left to who is."""
_STATUSES = {Trouble.NO_GATEWAY: 503, Trouble.TOO_MANY: 429}
_LOG = structlog.get_logger("gateway.console")


class Login:
    """The ways to sign in.

    Args:
        console: That opens the session.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        settings = console.settings
        self._local = settings.is_local
        self._codes = Codes()
        self._wrong_codes = Turns(tries_max=10, seconds=60)
        self._starts = Turns(tries_max=60, seconds=60)
        """Of what asks the gateway, or the city, on behalf of somebody unknown."""
        self._threads = anyio.CapacityLimiter(_SIGNING_IN_MAX)
        self._lock = threading.Lock()
        self._used: OrderedDict[str, UsedProofs] = OrderedDict()
        self._city = CitySignIn(settings.oidc, redirect_uri=settings.origin + _RETURN_PATH) if settings.oidc else None
        self._flow_cookie = f"{console.cookie}-city"

    def routes(self) -> tuple[Route, ...]:
        """Return the routes that need no session."""
        local = (
            Route(CODES_PATH, self._make_code, methods=["POST"]),
            Route(f"{LOGIN_PATH}/code", self._signing_in(self._with_code), methods=["POST"]),
        )
        city = (
            Route(_CITY_PATH, self._signing_in(self._to_city), methods=["POST"]),
            Route(_RETURN_PATH, self._from_city, methods=["GET"]),
        )
        return (
            Route(LOGIN_PATH, self._page, methods=["GET"]),
            Route(f"{LOGIN_PATH}/profile", self._signing_in(self._with_profile), methods=["POST"]),
            *(local if self._local else ()),
            *(city if self._city else ()),
        )

    async def _page(self, request: Request) -> Response:
        why = request.query_params.get("why", "")
        page = render(
            "login.html",
            language=language_of(request),
            now=int(self._console.clock()),
            ending=ENDINGS.get(Ending(why)) if why in set(Ending) else None,
            trouble=TROUBLES[Trouble(why)] if why in set(Trouble) else None,
            unfinished=UNFINISHED,
            after=self._after(request.query_params.get("next", "")),
            local=self._local,
            city=self._city is not None,
        )
        return HTMLResponse(page)

    def _after(self, path: str) -> str:
        """Return a page's path; the overview's for anything else."""
        return self._console.page_path(path) or _AFTER

    def _signing_in(self, sign_in: Callable[[Request, FormData, Browser], Response]) -> Callable[[Request], object]:
        async def endpoint(request: Request) -> Response:
            form = await request.form()
            return await to_thread.run_sync(self._answer, sign_in, request, form, limiter=self._threads)

        return endpoint

    def _answer(
        self, sign_in: Callable[[Request, FormData, Browser], Response], request: Request, form: FormData
    ) -> Response:
        try:
            return sign_in(request, form, self._browser(request))
        except ProofInvalid:
            trouble = Trouble.LATE_PAGE
        except SignInFailed as failed:
            trouble = failed.trouble
        _LOG.info("nobody was signed in", trouble=trouble.value, way=request.url.path)
        language = language_of(request)
        return HTMLResponse(render("login_trouble.html", language=language, trouble=TROUBLES[trouble]))

    def _browser(self, request: Request) -> Browser:
        """Return the browser that signed a request to sign in; the proof holds once."""
        proof, browser = self._console.proven(request)
        with self._lock:
            used = self._used.setdefault(browser.address, UsedProofs())
            self._used.move_to_end(browser.address)
            if len(self._used) > _ADDRESSES_MAX:  # a proof used twice opens a second session for the same key only
                self._used.popitem(last=False)
        used.use(proof, now=self._console.clock())
        return browser

    def _start(self, address: str) -> None:
        """Count a try. Raises SignInFailed when there were too many."""
        if not self._starts.take(address, now=self._console.clock()):
            raise SignInFailed(Trouble.TOO_MANY)

    def _with_profile(self, request: Request, form: FormData, browser: Browser) -> Response:
        self._start(browser.address)
        text = form.get("profile", "")
        try:
            profile = Profile.model_validate_json(text if isinstance(text, str) else b"")
        except ValueError as error:
            raise SignInFailed(Trouble.NOT_A_PROFILE) from error
        return self._signed_in(request, profile.token, browser, after=form.get("next", ""))

    def _with_code(self, request: Request, form: FormData, browser: Browser) -> Response:
        now = self._console.clock()
        if not self._wrong_codes.left(browser.address, now=now):
            raise SignInFailed(Trouble.TOO_MANY)
        token = self._codes.redeem(str(form.get("code", "")), now=now)
        if token is None:
            self._wrong_codes.count(browser.address, now=now)
            raise SignInFailed(Trouble.WRONG_CODE)
        return self._signed_in(request, token, browser, after=form.get("next", ""))

    async def _make_code(self, request: Request) -> Response:
        if not _from_this_machine(request):
            return JSONResponse({"error": "only from this machine"}, status_code=403)
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        form = await request.form()
        seconds = str(form.get("seconds", CODE_SECONDS))
        if kind.lower() != "bearer" or not seconds.isdecimal():
            return JSONResponse({"error": "no token"}, status_code=401)
        address = address_of(request)
        most = min(int(seconds[:6]), CODE_SECONDS_MAX)
        return await to_thread.run_sync(self._issue, token, most, address, limiter=self._threads)

    def _issue(self, token: str, seconds: int, address: str) -> Response:
        now = self._console.clock()
        try:
            self._start(address)
            connection, requester, ends_at = self._asked(token)
        except SignInFailed as failed:
            said = TROUBLES[failed.trouble]
            text = {"zh": said.what.zh + said.next.zh, "en": f"{said.what.en} {said.next.en}"}
            status = _STATUSES.get(failed.trouble, 401)
            return JSONResponse({"error": failed.trouble.value, **text}, status_code=status)
        connection.close()
        seconds = max(1, min(seconds, int(ends_at - now)))
        _LOG.info("a code was made", requester=requester.subject, seconds=seconds)
        code = self._codes.issue(token, now=now, seconds=seconds)
        return JSONResponse({"code": code, "seconds": seconds, "name": requester.display_name})

    def _to_city(self, request: Request, form: FormData, browser: Browser) -> Response:
        assert self._city is not None  # noqa: S101 - the route exists only then
        now = self._console.clock()
        self._start(browser.address)
        address, flow = self._city.start(
            browser,
            after=self._after(str(form.get("next", ""))),
            earlier=digest_of(request.cookies.get(self._console.cookie, "")),
            now=now,
        )
        response = Response(headers={"HX-Redirect": address})
        self._console.set_cookie(response, self._flow_cookie, flow.binding, samesite="lax")
        return response

    async def _from_city(self, request: Request) -> Response:
        try:
            response = await to_thread.run_sync(self._returned, request, limiter=self._threads)
            self._console.delete_cookie(response, self._flow_cookie)
        except SignInFailed as failed:  # the cookie stays: it may be of another tab, whose return is still to come
            trouble = failed.trouble
            if trouble in {Trouble.TOKEN_UNKNOWN, Trouble.TOKEN_EXPIRED, Trouble.NOT_A_PROFILE}:
                trouble = Trouble.CITY_TOKEN
            _LOG.info("nobody was signed in", trouble=trouble.value, way=request.url.path)
            response = RedirectResponse(f"{LOGIN_PATH}?why={trouble.value}", status_code=303)
        return response

    def _returned(self, request: Request) -> Response:
        assert self._city is not None  # noqa: S101 - the route exists only then
        now, query = self._console.clock(), request.query_params
        flow = self._city.take(query.get("state", ""), binding=request.cookies.get(self._flow_cookie, ""), now=now)
        if "error" in query or "code" not in query:
            raise SignInFailed(Trouble.CITY_REFUSED)
        token = self._city.token(flow, code=query["code"], issuer=query.get("iss", ""), now=now)
        page = render(
            "city_return.html",
            language=language_of(request),
            now=int(now),
            after=flow.after,
            key=flow.browser.key,
            mismatch=f"{LOGIN_PATH}?why={Trouble.CITY_MISMATCH.value}",
        )
        return self._open(request, token, flow.browser, earlier=flow.earlier, response=HTMLResponse(page))

    def _signed_in(self, request: Request, token: str, browser: Browser, *, after: object) -> Response:
        earlier = digest_of(request.cookies.get(self._console.cookie, ""))
        response = Response(headers={"HX-Redirect": self._after(str(after))})
        return self._open(request, token, browser, earlier=earlier, response=response)

    def _open(self, request: Request, token: str, browser: Browser, *, earlier: bytes, response: Response) -> Response:
        """Open a session whose token the gateway knows, and give its cookie to a response.

        Args:
            request: That brought the token.
            token: Of the requester.
            browser: In which the session is.
            earlier: Digest of the secret of the session that this browser had before: it ends.
            response: That leads on.
        """
        connection, requester, ends_at = self._asked(token)
        console = self._console
        secret = console.sessions.open(
            connection,
            requester=requester,
            browser=browser,
            now=console.clock(),
            token_ends_at=ends_at,
            earlier_key=console.sessions.replace(earlier, browser=browser),
        )
        _LOG.info("signed in", requester=requester.subject, way=request.url.path, address=browser.address)
        console.set_cookie(response, console.cookie, secret, samesite="strict")
        return response

    def _asked(self, token: str) -> tuple[Connection, catalog_pb2.GetRequesterResponse, float]:
        """Return a connection with the token, whose it is, and when it ends.

        Raises:
            SignInFailed: It is none, has expired, or the gateway does not accept it.
        """
        ends_at = _token_ends_at(token)
        if ends_at <= self._console.clock():
            raise SignInFailed(Trouble.TOKEN_EXPIRED)
        settings = self._console.settings
        profile = Profile(
            endpoint=settings.gateway, token=token, expires_at="", ca_certificate=settings.gateway_ca, office=""
        )
        connection = connect(profile, answer_seconds_max=_ANSWER_SECONDS_MAX)
        try:
            return connection, connection.catalog.requester(), ends_at
        except RequestError as error:
            connection.close()
            if isinstance(error, NotAuthenticated):
                raise SignInFailed(Trouble.TOKEN_UNKNOWN) from error
            raise SignInFailed(Trouble.NO_GATEWAY if isinstance(error, Unavailable) else Trouble.REFUSED) from error


def _token_ends_at(token: str) -> float:
    """Return when a token says it ends, in seconds since 1970-01-01 UTC. Whether it holds is the gateway's to say."""
    if not _TOKEN.fullmatch(token):
        raise SignInFailed(Trouble.NOT_A_PROFILE)
    try:
        return float(jwt.decode(token, options={"verify_signature": False})["exp"])
    except (jwt.PyJWTError, ValueError, TypeError, KeyError, RecursionError) as error:
        raise SignInFailed(Trouble.NOT_A_PROFILE) from error


def _from_this_machine(request: Request) -> bool:
    """Tell whether a program on this machine asks: no page of a browser, and no proxy for somebody else."""
    address = address_of(request)
    forwarded = any(name == "forwarded" or name.startswith("x-forwarded-") for name in request.headers)
    return address in {"127.0.0.1", "::1"} and not forwarded and "origin" not in request.headers
