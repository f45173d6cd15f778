"""Turn the engine's groups into what the requester may see of them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from connectors.sdk.predicates import evaluate
from gateway.errors import Bug, TooLarge
from gateway.messages import Reason
from gateway.model.plan import EnforcedPlan
from gateway.model.statistic import SKETCH_BUCKETS, PlannedStatistic, Sketch, Statistic
from gateway.release.ledger import ReleasedGroup, StatisticsLedger
from gateway.release.suppression import Sketches, marginal_groups, proper_subsets, publishable, sums_by

GROUPS_MAX = 20_000
"""Groups of one statistic, held back ones included, and entries of one in the ledger, which take it some two seconds."""


def statistic_schema(plan: EnforcedPlan, *, computed: pa.Schema) -> pa.Schema:
    """Return the columns that the requester asked for.

    Raises:
        Bug: The result has other columns than the plan.
    """
    statistic, planned = _parts(plan)
    values = [f"value_{i}" for i in range(len(statistic.aggregates))]
    sketches = {sketch.column for sketch in planned.sketches}
    if sorted(computed.names) != sorted([*statistic.key_columns, *values, *planned.people, *sketches]):
        raise Bug("the result has other columns than the plan")
    return pa.schema([computed.field(source).with_name(name).remove_metadata() for name, source in statistic.outputs])


def release_statistic(
    batches: Iterable[pa.RecordBatch],
    *,
    plan: EnforcedPlan,
    computed: pa.Schema,
    schema: pa.Schema,
    office: str,
    ledger: StatisticsLedger,
) -> Iterator[pa.RecordBatch]:
    """Yield the statistic once all of it is known to be safe.

    Small groups and those that totals would give away are held back, the ledger compares the rest with what the office has
    been told before, and only then HAVING, ORDER BY and LIMIT are applied.

    Args:
        batches: The engine's groups.
        plan: What was asked and decided.
        computed: Schema of `batches`.
        schema: Of the result.
        office: Recipient.
        ledger: Remembers what was released.

    Raises:
        Denied: The result and an earlier one together would reveal a few people.
        TooLarge: There are more groups than can be checked.
    """
    statistic, planned = _parts(plan)
    groups = _ordered_by_keys(_gathered(batches, schema=computed), statistic)
    people_min = plan.decision.people_min
    if people_min is None:
        raise Bug("a statistic without a smallest group")
    keys = [_codes(groups[name]) for name in statistic.key_columns]
    sketches = [_sketches(groups, sketch) for sketch in planned.sketches]
    people = np.min([_integers(groups[name]) for name in planned.people], axis=0)
    published = publishable(keys, people=people, sketches=sketches, people_min=people_min)
    released = list(_released_groups(groups, keys=keys, sketches=sketches, published=published, plan=plan))
    if len(released) > GROUPS_MAX:
        raise TooLarge(Reason.RESULT_TOO_LARGE, str(GROUPS_MAX))
    if released:
        ledger.admit(released, office=office, people_min=people_min)
    shown = _shown(groups.filter(pa.array(published)), statistic)
    columns = [shown[source] for _, source in statistic.outputs]
    yield from pa.Table.from_arrays(columns, schema=schema).to_batches()


def _parts(plan: EnforcedPlan) -> tuple[Statistic, PlannedStatistic]:
    if plan.resolved.statistic is None or plan.statistic is None:
        raise Bug("the plan is no statistic")
    return plan.resolved.statistic, plan.statistic


def _gathered(batches: Iterable[pa.RecordBatch], *, schema: pa.Schema) -> pa.Table:
    gathered: list[pa.RecordBatch] = []
    rows = 0
    for batch in batches:
        rows += batch.num_rows
        if rows > GROUPS_MAX:
            raise TooLarge(Reason.RESULT_TOO_LARGE, str(GROUPS_MAX))
        gathered.append(batch)
    return pa.Table.from_batches(gathered, schema=schema).combine_chunks()


def _ordered_by_keys(groups: pa.Table, statistic: Statistic) -> pa.Table:
    """Leave no trace of the order in which the engine met the groups."""
    order = [(name, "ascending") for name in statistic.key_columns]
    return groups.take(pc.sort_indices(groups, sort_keys=order)) if order else groups


def _codes(values: pa.ChunkedArray) -> npt.NDArray[np.int64]:
    """Return the same number for the same key; null is a key of its own."""
    encoded = values.combine_chunks().dictionary_encode(null_encoding="encode")
    return np.asarray(encoded.indices, dtype=np.int64)


def _integers(values: pa.ChunkedArray) -> npt.NDArray[np.int64]:
    return np.asarray(pc.fill_null(values, 0), dtype=np.int64)


def _sketches(groups: pa.Table, sketch: Sketch) -> Sketches:
    lists = groups[sketch.column].combine_chunks()
    buckets = pc.list_flatten(lists)
    dense = np.zeros((groups.num_rows, SKETCH_BUCKETS), dtype=np.uint32)
    dense[pc.list_parent_indices(lists), buckets.field("bucket")] = buckets.field(sketch.sum)
    return dense


def _released_groups(
    groups: pa.Table,
    *,
    keys: Sequence[npt.NDArray[np.int64]],
    sketches: Sequence[Sketches],
    published: npt.NDArray[np.bool_],
    plan: EnforcedPlan,
) -> Iterator[ReleasedGroup]:
    """Yield what becomes known: the published groups and, of every total, the published and the held back ones together.

    What is held back of a total is known to whoever learns the total from another answer.
    """
    statistic, planned = _parts(plan)
    names = [key.sql(dialect="duckdb") for key in statistic.keys]
    values = [groups[name].to_pylist() for name in statistic.key_columns]
    people = [_integers(groups[sketch.people]) for sketch in planned.sketches]
    every = np.arange(groups.num_rows)
    subsets = [*proper_subsets(len(keys)), tuple(range(len(keys)))]
    for subset, marginal in zip(subsets, [*marginal_groups(keys, groups=len(every)), every], strict=True):
        partly = np.intersect1d(marginal[published], marginal[~published])
        for part, chosen, of in (("published", published, marginal[published]), ("held back", ~published, partly)):
            totals, examples = np.unique(marginal[np.isin(marginal, of)], return_index=True)
            rows = every[np.isin(marginal, of)][examples].tolist()
            definitions = [
                _definition(planned, {names[i]: values[i][row] for i in subset}, rest=[part, *names] if split else [])
                for row, split in zip(rows, np.isin(totals, partly).tolist(), strict=True)
            ]
            for sketch, dense, counts in zip(planned.sketches, sketches, people, strict=True):
                sums = sums_by(marginal, dense, chosen=chosen)
                low, high = _bounds(marginal[chosen], counts[chosen], once=sketch.once)
                for total, definition in zip(totals.tolist(), definitions, strict=True):
                    yield ReleasedGroup(
                        definition=definition,
                        pool=sketch.pool,
                        people_low=int(low[total]),
                        people_high=int(high[total]),
                        sketch=sums[total],
                        derived=chosen is not published,
                    )


def _bounds(
    marginal: npt.NDArray[np.int64], people: npt.NDArray[np.int64], *, once: bool
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return for each total the least and the greatest number of people its groups can have together."""
    high = np.zeros(marginal.max(initial=-1) + 1, dtype=np.int64)
    np.add.at(high, marginal, people)
    if once:
        return high, high
    low = np.zeros_like(high)
    np.maximum.at(low, marginal, people)
    return low, high


def _definition(planned: PlannedStatistic, values: dict[str, object], *, rest: Sequence[str]) -> str:
    """Return a digest of who belongs to a group; a part of a total is told by `rest`."""
    parts = [planned.definition, sorted((name, str(value)) for name, value in values.items()), rest]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _shown(groups: pa.Table, statistic: Statistic) -> pa.Table:
    """Apply HAVING, ORDER BY, OFFSET and LIMIT."""
    if statistic.having is not None and groups.num_rows:
        plain = groups.select([c for c in groups.column_names if not pa.types.is_list(groups[c].type)])
        groups = groups.filter(evaluate(statistic.having, plain.combine_chunks().to_batches()[0]))
    if statistic.order:
        order = [
            (key.column, "descending" if key.descending else "ascending", "at_start" if key.nulls_first else "at_end")
            for key in statistic.order
        ]
        groups = groups.take(pc.sort_indices(groups, sort_keys=order))
    return groups.slice(statistic.offset, statistic.limit)
