"""What every answer carries and every request must show, whatever it asks for."""

from __future__ import annotations

import traceback

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

CODES_PATH = "/login/codes"
"""Asked by programs on this machine, which have no origin; pages of browsers have one and are refused."""
CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
_HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}
_TRANSPORT_SECURITY = {"Strict-Transport-Security": "max-age=31536000"}
BODY_BYTES_MAX = 1 << 20
_SAFE = {"GET", "HEAD"}
_TOO_LARGE = "提交的内容过大。 / What was sent is too large."
_LOG = structlog.get_logger("gateway.console")


class SecurityHeaders:
    """Refuses other hosts, other origins and large bodies; sets the security headers; lets no error's text out.

    Args:
        app: What is asked then.
        origin: Under which browsers reach the console.
    """

    def __init__(self, app: ASGIApp, *, origin: str) -> None:
        self._app = app
        self._origin = origin
        self._host = origin.partition("://")[2]
        self._headers = _HEADERS | (_TRANSPORT_SECURITY if origin.startswith("https://") else {})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            return  # nothing else is served
        sending = self._sending(send, path=scope["path"])
        status, refused = self._refused(scope["method"], scope["path"], Headers(scope=scope))
        if refused:
            await PlainTextResponse(refused, status_code=status)(scope, receive, sending)
            return
        try:
            await self._app(scope, _bounded(receive), sending)
        except Exception as error:  # noqa: BLE001 - answered by the application; its text may hold what was asked
            frame = traceback.extract_tb(error.__traceback__)[-1]
            place = f"{frame.filename}:{frame.lineno}"
            _LOG.error("a request failed", error=type(error).__name__, place=place, method=scope["method"])

    def _refused(self, method: str, path: str, headers: Headers) -> tuple[int, str]:
        if [host.lower() for host in headers.getlist("host")] != [self._host]:
            return 403, f"请用 {self._origin} 打开控制台。 / Open the console at {self._origin}."
        origins = [] if path == CODES_PATH else [self._origin]
        if method not in _SAFE and headers.getlist("origin") != origins:
            return 403, "请求不是从控制台页面发出的。 / The request does not come from a page of the console."
        length = headers.get("content-length", "0")
        if not length.isdecimal() or int(length[:20]) > BODY_BYTES_MAX:
            return 413, _TOO_LARGE
        return 0, ""

    def _sending(self, send: Send, *, path: str) -> Send:
        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(self._headers)
                headers["Cache-Control"] = "no-cache" if path.startswith("/static/") else "no-store"
            await send(message)

        return sending


class BodyTooLarge(Exception):
    """More was sent than a form holds."""


def too_large() -> PlainTextResponse:
    """Return the answer to it."""
    return PlainTextResponse(_TOO_LARGE, 413)


def _bounded(receive: Receive) -> Receive:
    size = 0

    async def bounded() -> Message:
        nonlocal size
        message = await receive()
        size += len(message.get("body", b""))
        if size > BODY_BYTES_MAX:
            raise BodyTooLarge
        return message

    return bounded
