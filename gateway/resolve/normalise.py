"""SQL for the log: its shape without anything the requester could have written a value into."""

from __future__ import annotations

from collections.abc import Collection

import sqlglot.expressions as exp


def normalised_sql(tree: exp.Expr, *, known_names: Collection[str]) -> str:
    """Return `tree` as SQL without literals, comments and names of the requester's own.

    Literals become `?` and a list of literals one `?`. Names that the catalogue does not have, such as aliases, become `c1`,
    `c2`, … in the order they appear.
    """
    names: dict[str, str] = {}
    shape = tree.copy()
    for node in list(shape.walk()):
        if isinstance(node, exp.Identifier):
            if node.name not in known_names:
                node.set("this", names.setdefault(node.name, f"c{len(names) + 1}"))
        elif isinstance(node, exp.In) and node.expressions:
            node.set("expressions", [exp.Placeholder()])
        elif isinstance(node, exp.Literal | exp.Boolean):
            node.replace(exp.Placeholder())
    return shape.sql(dialect="duckdb", comments=False)
