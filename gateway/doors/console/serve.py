"""Run the console: `gateway console`."""

from __future__ import annotations

import socket
import sys

import structlog
import uvicorn

from gateway.doors.console.app import Console
from gateway.doors.console.settings import ConsoleSettings


def make_server(settings: ConsoleSettings) -> _Server:
    """Return a server that is not started; `run` serves until it is told to end by a signal or `should_exit`."""
    host, _, port = settings.listen.rpartition(":")
    return _Server(
        uvicorn.Config(
            Console(settings).application(),
            ws="none",
            host=host.strip("[]"),
            port=int(port),
            ssl_certfile=settings.certificate,
            ssl_keyfile=settings.private_key,
            proxy_headers=bool(settings.proxies),
            forwarded_allow_ips=list(settings.proxies),
            server_header=False,
            log_level="warning",
            access_log=False,
            timeout_graceful_shutdown=2,
        )
    )


def run(settings: ConsoleSettings) -> None:
    """Serve until SIGTERM or SIGINT; prints `READY <address>` when pages can be opened, and logs JSON to stderr."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    server = make_server(settings)
    server.ready = f"READY {settings.origin}"
    server.run()


class _Server(uvicorn.Server):
    """Says when it answers."""

    ready = ""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to answer."""
        await super().startup(sockets)
        if self.ready:
            print(self.ready, flush=True)
