"""Connectors: what a department runs over its own database. Imports catalog and the generated stubs, never gateway."""
