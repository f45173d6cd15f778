"""Stage 3 of 10: ParsedQuery → ResolvedQuery.

One walk over the tree gives every name its table, every star its columns, and traces each column through CTEs, subqueries
and set operations to the columns of datasets, with the uses it is put to on the way.

sqlglot's own `qualify` is not used: it copies aliased expressions into each place that names them, which doubles the tree
per alias (14 of them make 160,000 nodes), stops at the first unknown name, and does not tell uses.
"""

from gateway.resolve.parameters import parameter_types, samples
from gateway.resolve.statement import resolve

__all__ = ["parameter_types", "resolve", "samples"]
