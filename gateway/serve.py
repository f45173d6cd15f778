"""The server process: `gateway serve` replaces itself with `python -m gateway.serve CONFIG`."""

from __future__ import annotations

import gc
import logging
import os
import signal
import sys
import threading
from pathlib import Path

from pydantic import ValidationError

from catalog.load import CatalogueInvalid
from catalog.store import RegistryUnavailable
from gateway.errors import GatewayError
from gateway.settings import Settings
from gateway.wiring import make_gateway

EXIT_CONFIGURATION = 2
SWITCH_SECONDS = 0.0005


def main(config: Path) -> int:
    """Serve until SIGTERM or SIGINT; prints `READY <port>` when queries can be answered."""
    logging.getLogger("sqlglot").setLevel(logging.CRITICAL)  # its warnings quote the requester's SQL
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda _number, _frame: stop.set())
    try:
        gateway = make_gateway(Settings.load(config))
    except GatewayError as error:
        print(f"无法启动 / cannot start: {error.message.zh} {error.message.en} ({error.internal})", file=sys.stderr)
        return EXIT_CONFIGURATION
    except (ValidationError, CatalogueInvalid, RegistryUnavailable, ValueError, OSError, RuntimeError) as error:
        print(f"无法启动 / cannot start: {error}", file=sys.stderr)
        return EXIT_CONFIGURATION
    tune_interpreter()
    gateway.start()
    print(f"READY {gateway.port}", flush=True)
    stop.wait()
    gateway.stop()
    return 0


def tune_interpreter() -> None:
    """Suit the interpreter to many threads that wait for disks and sockets.

    Garbage collection does not walk catalogue and libraries again and again, for a query leaves syntax trees only; and a
    thread whose `fsync` has ended waits half a millisecond for its turn, not five, which doubles the durable entries a second.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 50, 100)
    sys.setswitchinterval(SWITCH_SECONDS)


if __name__ == "__main__":
    status = main(Path(sys.argv[1]))
    sys.stdout.flush()
    os._exit(status)  # a stream that outlived its grace must not keep the process
