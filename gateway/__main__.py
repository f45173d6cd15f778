"""The `gateway` command."""

from gateway.doors.cli.app import make_app


def main() -> None:
    """Run the command line."""
    make_app()()


if __name__ == "__main__":
    main()
