"""The stage itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import sqlglot.expressions as exp

from catalog.catalogue import Catalogue
from catalog.dataset import Dataset
from catalog.vocabulary import ColumnUse
from connectors.sdk.predicates import PredicateOp
from gateway.errors import InvalidQuery
from gateway.messages import Reason
from gateway.model.query import SOURCE_FILTER, ParsedQuery, ResolvedQuery, SourceFilter, UsedColumn, UsedDataset
from gateway.resolve.aggregates import read_statistic, statistic_uses
from gateway.resolve.normalise import normalised_sql
from gateway.resolve.queries import QueryResolver
from gateway.resolve.scope import Findings


def resolve(parsed: ParsedQuery, *, catalogue: Catalogue) -> ResolvedQuery:
    """Name every table and column of a statement and every use of a dataset's column.

    Uses are an upper bound: a column of a subquery has the uses it is put to there and those of whatever its value becomes.

    Raises:
        InvalidQuery: A name is ambiguous, or stars stand for too many columns.
    """
    tree = parsed.tree.copy()
    spellings = _lower_names(tree)
    resolver = QueryResolver(catalogue.datasets)
    try:
        resolver.query(tree, {})
    except RecursionError:
        raise InvalidQuery(Reason.QUERY_TOO_COMPLEX, "nesting") from None
    findings = resolver.findings
    statistic = None if findings.unknown else read_statistic(tree, datasets=catalogue.datasets)
    if statistic is not None:
        at_source = {id(candidate.node) for candidate in findings.candidates}
        findings.uses = statistic_uses(statistic, tree, at_source=at_source)
    source_filters = _mark_source_filters(findings)
    shape = normalised_sql(tree, known_names=_names(findings, catalogue.datasets))
    for name, spelling in spellings:
        name.set("this", spelling)
    return ResolvedQuery(
        sql=parsed.sql,
        tree=tree,
        datasets=_used_datasets(findings),
        unknown_names=tuple(sorted(findings.unknown)),
        source_filters=source_filters,
        aggregate_only=statistic is not None,
        normalised_sql=shape,
        statistic=statistic,
    )


def _lower_names(tree: exp.Query) -> list[tuple[exp.Identifier, str]]:
    """Put every name in lower case and quotes, as DuckDB compares names without regard to case.

    Returns:
        The aliases of the statement's own outputs with their spelling, to be put back for the reader of the result.
    """
    outputs = {id(item.args["alias"]) for item in tree.selects if isinstance(item, exp.Alias)}
    spellings: list[tuple[exp.Identifier, str]] = []
    for node in tree.walk():
        if isinstance(node, exp.Identifier):
            name = node.this
            lowered = name.lower()
            node.set("this", lowered)
            node.set("quoted", True)
            if lowered != name and id(node) in outputs and name.isascii():
                spellings.append((node, name))
    return spellings


def _mark_source_filters(findings: Findings) -> tuple[SourceFilter, ...]:
    """Decide which candidates a source may apply, mark their nodes, and note what the columns are used for."""
    filters: list[SourceFilter] = []
    for candidate in findings.candidates:
        use = ColumnUse.FILTERED
        scope = candidate.scope
        if findings.occurrences[candidate.dataset] == 1 and not scope.outer_join and not scope.correlated:
            candidate.node.meta[SOURCE_FILTER] = len(filters)
            filters.append(SourceFilter(index=len(filters), dataset=candidate.dataset, predicate=candidate.predicate))
            if candidate.predicate.op in (PredicateOp.EQ, PredicateOp.IN):
                use = ColumnUse.LOOKED_UP
        findings.use([(candidate.dataset, candidate.predicate.column)], [use])
    return tuple(filters)


def _used_datasets(findings: Findings) -> tuple[UsedDataset, ...]:
    return tuple(
        UsedDataset(
            name=name,
            columns=tuple(
                UsedColumn(name=column, uses=frozenset(uses))
                for (dataset, column), uses in sorted(findings.uses.items())
                if dataset == name
            ),
            occurrences=occurrences,
        )
        for name, occurrences in sorted(findings.occurrences.items())
    )


def _names(findings: Findings, datasets: Mapping[str, Dataset]) -> set[str]:
    """Return the parts of every name that the statement has from the catalogue."""
    names: set[str] = set()
    for name in findings.occurrences:
        names.update(name.split("."), _column_names(datasets[name]))
    return names


def _column_names(dataset: Dataset) -> Iterable[str]:
    return (column.name for column in dataset.columns)
