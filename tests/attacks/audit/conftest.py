"""The log that is damaged."""

from tests.unit.connectors.sdk.tlog.conftest import directory, finished, open_log, public_key, signing_key

__all__ = ["directory", "finished", "open_log", "public_key", "signing_key"]
