"""Results of queries: asked for, shown row by row and as pictures, taken along as files."""

from __future__ import annotations

from gateway.doors.console.results.pages import ACTIONS, PAGES, ask

__all__ = ["ACTIONS", "PAGES", "ask"]
