"""What every answer carries and every request must show, whatever it asks for."""

from __future__ import annotations

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

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
_BODY_BYTES_MAX = 1 << 20
_SAFE = {"GET", "HEAD"}


class SecurityHeaders:
    """Refuses other hosts, other origins and large bodies; sets the security headers.

    Args:
        app: What is asked then.
        origin: Under which browsers reach the console.
    """

    def __init__(self, app: ASGIApp, *, origin: str) -> None:
        self._app = app
        self._origin = origin
        self._host = origin.partition("://")[2]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        refused = self._refused(scope["method"], headers)
        if refused:
            await PlainTextResponse(refused, status_code=403, headers=_HEADERS)(scope, receive, send)
            return
        try:
            await self._app(scope, _bounded(receive), _with_headers(send, path=scope["path"]))
        except _BodyTooLarge:
            await PlainTextResponse("提交的内容过大。 / What was sent is too large.", 413, _HEADERS)(scope, receive, send)

    def _refused(self, method: str, headers: Headers) -> str:
        if headers.get("host") != self._host:
            return f"请用 {self._origin} 打开控制台。 / Open the console at {self._origin}."
        if method not in _SAFE and headers.get("origin") != self._origin:
            return "请求不是从控制台页面发出的。 / The request does not come from a page of the console."
        return ""


class _BodyTooLarge(Exception):
    pass


def _bounded(receive: Receive) -> Receive:
    size = 0

    async def bounded() -> Message:
        nonlocal size
        message = await receive()
        size += len(message.get("body", b""))
        if size > _BODY_BYTES_MAX:
            raise _BodyTooLarge
        return message

    return bounded


def _with_headers(send: Send, *, path: str) -> Send:
    async def with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers.update(_HEADERS)
            headers["Cache-Control"] = "no-cache" if path.startswith("/static/") else "no-store"
        await send(message)

    return with_headers
