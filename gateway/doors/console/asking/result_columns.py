"""What the columns of a result will be called, told from the statement before it runs."""

from __future__ import annotations

from collections.abc import Mapping

from sqlglot import exp

from catalog.dataset import Text
from gateway.client.catalogue_names import CatalogueNames
from gateway.doors.console.asking.read_sql import parse


def result_columns(sql: str, *, names: CatalogueNames) -> Mapping[str, Text]:
    """Return the titles of the columns that a statement brings, by name and in order; what is computed is called by its name.

    Empty when they cannot be told: the statement is none, shows all columns of something, or repeats a name.
    """
    tree = parse(sql)
    if not isinstance(tree, exp.Select):
        return {}
    shown = tree.named_selects
    if len(set(shown)) != len(shown) or {"", "*"}.intersection(shown):
        return {}
    titles = _titles(tree, names=names)
    plain = {one.name for one in tree.selects if isinstance(one, exp.Column)}
    return {name: titles[name] if name in plain & titles.keys() else Text(zh=name, en=name) for name in shown}


def _titles(tree: exp.Select, *, names: CatalogueNames) -> Mapping[str, Text]:
    """Return the titles of the datasets' columns; none when something else stands between them and the result."""
    datasets = {f"{table.db}.{table.name}" for table in tree.find_all(exp.Table)}
    if tree.find(exp.Subquery, exp.CTE) or not datasets <= names.datasets().keys():
        return {}
    return names.titles(sorted(datasets))
