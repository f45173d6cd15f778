"""The access log as a table: rows of its entries, one Parquet file beside each sealed segment, questions by DuckDB.

The log itself is the evidence; this is an index of it, which can always be made anew. Read `rows.py` first.
"""

from connectors.sdk.access_log.index import EntryIndex, EntryQuery, Parameter
from connectors.sdk.access_log.rows import HIDDEN, connect, entry_rows
from connectors.sdk.access_log.sealed import parquet_beside

__all__ = ["HIDDEN", "EntryIndex", "EntryQuery", "Parameter", "connect", "entry_rows", "parquet_beside"]
