"""Holds a running connector, in any language, against the clauses of docs/connector-protocol.md."""
