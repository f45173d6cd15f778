"""Read the policy's answer; anything that is not exactly an answer releases nothing."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any, NoReturn

from catalog.catalogue import Catalogue
from catalog.dataset import Text
from catalog.vocabulary import MASKS_OF_ACTION, ColumnAction, ColumnUse, Mask
from connectors.sdk.predicates import Predicate, PredicateOp
from gateway.decide.bundle import canonical
from gateway.decide.policy_input import lookup_values
from gateway.errors import Unavailable
from gateway.messages import Reason
from gateway.model.decision import ColumnTreatment, DatasetDecision, Decision, Denial, ResultObligations
from gateway.model.query import ResolvedQuery, UsedDataset
from gateway.model.requester import Standing

_CODE = re.compile(r"[A-Z][A-Z_]{2,62}")
_KEYS = ("allow", "datasets", "people_min", "obligations", "denials", "determined_by")
_OBLIGATIONS = (
    "rows_max",
    "rows_per_day_max",
    "lookups_per_day_max",
    "retention_days",
    "onward_sharing",
    "grade",
    "agreements",
    "emergency",
)


def read_answer(
    answer: object,
    *,
    resolved: ResolvedQuery,
    catalogue: Catalogue,
    decision_id: str,
    policy_revision: str,
    standing: Standing,
    policy_input: Mapping[str, Any],
) -> Decision:
    """Return the decision that an untrusted answer states.

    Raises:
        Unavailable: `POLICY_MALFORMED`; the internal detail says what is wrong.
    """
    top = _object(answer, _KEYS, what="answer")
    if not isinstance(top["allow"], bool):
        _malformed("allow is not a boolean")
    allow = top["allow"] is True
    denials = tuple(_denial(item) for item in _list(top["denials"], what="denials"))
    if allow == bool(denials):
        _malformed("denials do not fit allow")
    datasets = _datasets(top["datasets"], allow=allow, resolved=resolved, catalogue=catalogue)
    people_min = None if top["people_min"] is None else _integer(top["people_min"], low=2, what="people_min")
    obligations = None
    if top["obligations"] is not None:
        obligations = _obligations(top["obligations"], standing=standing, catalogue=catalogue)
    if allow != (obligations is not None):
        _malformed("obligations do not fit allow")
    if people_min is not None and not (allow and resolved.aggregate_only):
        _malformed("people_min without a statistic")
    if allow and resolved.unknown_names:
        _malformed("a query with unknown names is allowed")
    rules = tuple(_string(item, what="determined_by") for item in _list(top["determined_by"], what="determined_by"))
    if not rules:
        _malformed("determined_by is empty")
    return Decision(
        decision_id=decision_id,
        allow=allow,
        datasets=datasets,
        people_min=people_min,
        obligations=obligations,
        denials=denials,
        determined_by=rules,
        policy_revision=policy_revision,
        standing=standing,
        policy_input=policy_input,
        answer_sha256=answer_sha256(answer),
    )


def answer_sha256(answer: object) -> str:
    """Return the hex SHA-256 of the canonical JSON of an answer, which was strict JSON."""
    return hashlib.sha256(canonical(answer)).hexdigest()


def _datasets(
    data: object, *, allow: bool, resolved: ResolvedQuery, catalogue: Catalogue
) -> Mapping[str, DatasetDecision]:
    used = {dataset.name: dataset for dataset in resolved.datasets}
    if not isinstance(data, dict) or not set(data) <= set(used):
        _malformed("datasets are not those of the query")
    if allow and (not used or set(data) != set(used)):
        _malformed("a dataset of the query is not decided")
    decided = {}
    for name, item in sorted(data.items()):
        decision = _dataset(item, used=used[name], catalogue=catalogue)
        if allow:
            _check_released(decision, used=used[name], resolved=resolved)
        decided[name] = decision
    return decided


def _dataset(data: object, *, used: UsedDataset, catalogue: Catalogue) -> DatasetDecision:
    fields = _object(data, ("columns", "row_filter", "lookup_values_max"), what=used.name)
    columns = fields["columns"]
    if not isinstance(columns, dict) or not set(columns) <= {column.name for column in used.columns}:
        _malformed(f"{used.name}: columns are not those of the query")
    values_max = fields["lookup_values_max"]
    return DatasetDecision(
        name=used.name,
        columns={name: _treatment(item, what=f"{used.name}.{name}") for name, item in sorted(columns.items())},
        row_filter=None if fields["row_filter"] is None else _row_filter(fields["row_filter"], used, catalogue),
        lookup_values_max=None if values_max is None else _integer(values_max, low=1, what="lookup_values_max"),
    )


def _check_released(decision: DatasetDecision, *, used: UsedDataset, resolved: ResolvedQuery) -> None:
    """Check again what must hold whatever the policy says: nothing undecided, nothing denied, look-ups bound."""
    if set(decision.columns) != {column.name for column in used.columns}:
        _malformed(f"{used.name}: a column of the query is not decided")
    if decision.row_filter is None:
        _malformed(f"{used.name}: no row filter")
    bound = lookup_values(resolved, used.name)
    for column in used.columns:
        action = decision.columns[column.name].action
        if action is ColumnAction.DENY:
            _malformed(f"{used.name}.{column.name} is denied in an allowed decision")
        if action is not ColumnAction.LOOKUP:
            continue
        if column.uses != {ColumnUse.LOOKED_UP}:
            _malformed(f"{used.name}.{column.name} is released for look-ups only and is used otherwise")
        if not 1 <= bound.get(column.name, 0) <= (decision.lookup_values_max or 0):
            _malformed(f"{used.name}.{column.name} is not bound to as few keys as decided")


def _treatment(data: object, *, what: str) -> ColumnTreatment:
    fields = _object(data, ("action", "mask"), what=what)
    try:
        action = ColumnAction(_string(fields["action"], what=what))
        mask = None if fields["mask"] is None else Mask(_string(fields["mask"], what=what))
    except ValueError as error:
        _malformed(f"{what}: {error}")
    masks = MASKS_OF_ACTION.get(action)
    if (mask is not None) if masks is None else (mask not in masks):
        _malformed(f"{what}: the mask does not fit the action")
    return ColumnTreatment(action=action, mask=mask)


def _row_filter(data: object, used: UsedDataset, catalogue: Catalogue) -> Predicate:
    try:
        predicate = Predicate.from_json(data)
    except ValueError as error:
        _malformed(f"{used.name}: row filter: {error}")
    dataset = catalogue.datasets.get(used.name)
    if dataset is None or not all(dataset.column(name) for name in predicate.columns()):
        _malformed(f"{used.name}: the row filter names another column")
    _check_prefixes(predicate, what=used.name)
    return predicate


def _check_prefixes(predicate: Predicate, *, what: str) -> None:
    """An empty prefix would let every row through."""
    if predicate.op is PredicateOp.PREFIX and not (isinstance(predicate.values[0], str) and predicate.values[0]):
        _malformed(f"{what}: the row filter's prefix is not text")
    for operand in predicate.operands:
        _check_prefixes(operand, what=what)


def _obligations(data: object, *, standing: Standing, catalogue: Catalogue) -> ResultObligations:
    fields = _object(data, _OBLIGATIONS, what="obligations")
    if not isinstance(fields["onward_sharing"], bool):
        _malformed("onward_sharing is not a boolean")
    rows_max = _integer(fields["rows_max"], low=1, what="rows_max")
    rows_per_day_max = _quota(fields["rows_per_day_max"], what="rows_per_day_max")
    if rows_per_day_max is not None and standing.usage.rows + rows_max > rows_per_day_max:
        _malformed("rows_max is more than the day's quota leaves")
    grade = _string(fields["grade"], what="grade")
    if grade not in {known.id for known in catalogue.grades.grades}:
        _malformed("the grade is not registered")
    agreements = tuple(_string(item, what="agreements") for item in _list(fields["agreements"], what="agreements"))
    if list(agreements) != sorted({agreement.id for agreement in standing.agreements} & set(agreements)):
        _malformed("the agreements are not some that stand, sorted")
    emergency = None if fields["emergency"] is None else _string(fields["emergency"], what="emergency")
    if emergency is not None and emergency not in {declared.id for declared in standing.emergencies}:
        _malformed("the emergency is not one that stands")
    return ResultObligations(
        rows_max=rows_max,
        rows_per_day_max=rows_per_day_max,
        lookups_per_day_max=_quota(fields["lookups_per_day_max"], what="lookups_per_day_max"),
        retention_days=_integer(fields["retention_days"], low=1, what="retention_days"),
        onward_sharing=fields["onward_sharing"],
        grade=grade,
        agreements=agreements,
        emergency=emergency,
    )


def _quota(data: object, *, what: str) -> int | None:
    return None if data is None else _integer(data, low=1, what=what)


def _denial(data: object) -> Denial:
    fields = _object(data, ("code", "rule", "message", "legal_basis", "remedy"), what="denial")
    code = _string(fields["code"], what="code")
    if _CODE.fullmatch(code) is None:
        _malformed("a denial code is malformed")
    return Denial(
        code=code,
        rule=_string(fields["rule"], what="rule"),
        message=_text(fields["message"], what="message"),
        legal_basis=_text(fields["legal_basis"], what="legal_basis"),
        remedy=_text(fields["remedy"], what="remedy"),
    )


def _text(data: object, *, what: str) -> Text:
    fields = _object(data, ("zh", "en"), what=what)
    return Text(zh=_string(fields["zh"], what=what), en=_string(fields["en"], what=what))


def _object(data: object, keys: tuple[str, ...], *, what: str) -> dict[str, Any]:
    if not isinstance(data, dict) or set(data) != set(keys):
        _malformed(f"{what} does not have exactly the keys {', '.join(keys)}")
    return data


def _list(data: object, *, what: str) -> list[Any]:
    if not isinstance(data, list):
        _malformed(f"{what} is not a list")
    return data


def _string(data: object, *, what: str) -> str:
    if not isinstance(data, str) or not data:
        _malformed(f"{what} is not text")
    return data


def _integer(data: object, *, low: int, what: str) -> int:
    if isinstance(data, bool) or not isinstance(data, int) or data < low:
        _malformed(f"{what} is not an integer of at least {low}")
    return data


def _malformed(detail: str) -> NoReturn:
    raise Unavailable(Reason.POLICY_MALFORMED, internal=detail)
