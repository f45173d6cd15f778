"""Cut the result of one scan into parts that can be fetched, and fetched again, one by one."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace

from catalog.catalogue import Catalogue
from catalog.vocabulary import ColumnAction
from connectors.sdk.predicates import Predicate, PredicateOp, all_of
from gateway.errors import Unauthenticated
from gateway.messages import Reason
from gateway.model.plan import EnforcedPlan

PARTS_MAX = 16


def split(plan: EnforcedPlan, *, catalogue: Catalogue) -> Mapping[str, EnforcedPlan]:
    """Return a plan for each part of a result, by a key that stays the same as long as the divisions do.

    The parts are disjoint and together hold every row: each but the last has the rows of some divisions below the
    requester's, the last all others.

    Returns:
        At most `PARTS_MAX` plans in the order of their division codes. None when the result is not one scan as it is, with a
        row filter of division codes only; or has pseudonyms, which could not be matched across parts.
    """
    if plan.sql is not None or len(plan.scans) != 1 or plan.resolved.tree.args.get("limit") is not None:
        return {}
    (scan,) = plan.scans
    whole = _prefixes(scan.row_filter)
    if scan.lookup_column or not whole or any(column.action is ColumnAction.PSEUDONYM for column in scan.columns):
        return {}
    column, codes = whole
    below = sorted(division.code for division in catalogue.divisions.values() if division.parent_code in codes)
    size = -(-len(below) // PARTS_MAX)
    groups = [_any_prefix(column, below[start : start + size]) for start in range(0, len(below), max(size, 1))]
    if len(groups) < 2:
        return {}
    named = groups[:-1]
    others = Predicate(op=PredicateOp.NOT, operands=(Predicate(op=PredicateOp.OR, operands=tuple(named)),))
    filters = [all_of(scan.row_filter, part) for part in (*named, others)]
    return {
        _key(number, row_filter): replace(plan, scans=(replace(scan, row_filter=row_filter),))
        for number, row_filter in enumerate(filters, start=1)
    }


def part_of(plan: EnforcedPlan, *, key: str, catalogue: Catalogue) -> EnforcedPlan:
    """Return the part of a result with this key; the whole when the key is empty.

    Raises:
        Unauthenticated: There is no such part: the requester's division, or those below it, are others now.
    """
    part = split(plan, catalogue=catalogue).get(key) if key else plan
    if part is None:
        raise Unauthenticated(Reason.TICKET_INVALID)
    return part


def _prefixes(row_filter: Predicate) -> tuple[str, frozenset[str]] | None:
    """Return the column and the outermost division codes of a filter that is nothing but prefixes of one column."""
    leaves = row_filter.operands if row_filter.op is PredicateOp.OR else (row_filter,)
    columns = {leaf.column for leaf in leaves}
    if len(columns) != 1 or any(leaf.op is not PredicateOp.PREFIX for leaf in leaves):
        return None
    codes = {str(value) for leaf in leaves for value in leaf.values}
    return columns.pop(), frozenset(code for code in codes if not any(code != c and code.startswith(c) for c in codes))


def _any_prefix(column: str, codes: Sequence[str]) -> Predicate:
    prefixes = tuple(Predicate(op=PredicateOp.PREFIX, column=column, values=(code,)) for code in codes)
    return Predicate(op=PredicateOp.OR, operands=prefixes)


def _key(number: int, row_filter: Predicate) -> str:
    digest = hashlib.sha256(json.dumps(row_filter.to_json(), sort_keys=True).encode()).hexdigest()
    return f"{number:02d}-{digest[:12]}"
