"""Run the console: `gateway console`."""

from __future__ import annotations

import uvicorn

from gateway.doors.console.app import Console
from gateway.doors.console.settings import ConsoleSettings


def make_server(settings: ConsoleSettings) -> uvicorn.Server:
    """Return a server that is not started; `run` serves until it is told to end by a signal or `should_exit`."""
    host, _, port = settings.listen.rpartition(":")
    return uvicorn.Server(
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
