"""Stage 2 of 10: SQL → ParsedQuery.

The requester's text is capped, read by sqlglot, held against lists of allowed nodes and functions, written anew, and read
again by DuckDB's own parser. Only the tree of the new text goes on; nothing here runs SQL.
"""

from gateway.parse.engine_parser import EngineParser
from gateway.parse.limits import QueryLimits
from gateway.parse.parameters import Parameter
from gateway.parse.statement import parse, probe

__all__ = ["EngineParser", "Parameter", "QueryLimits", "parse", "probe"]
