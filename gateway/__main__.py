"""The `gateway` command."""

from __future__ import annotations

import os

from gateway.doors.cli.app import make_app


def main() -> None:
    """Run the command line."""
    os.environ.setdefault("GRPC_VERBOSITY", "ERROR")  # before grpc is read: failed handshakes are told in the errors
    os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")  # or a program that is started beside calls may die at once
    make_app()(prog_name="gateway")


if __name__ == "__main__":
    main()
