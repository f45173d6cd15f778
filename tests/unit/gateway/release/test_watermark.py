"""Which columns of a result are marked, and that nothing else changes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import pyarrow as pa
import pytest

from catalog.load import load_catalogue
from catalog.vocabulary import ColumnAction, Mask
from connectors.sdk.predicates import Predicate, PredicateOp
from connectors.sdk.watermark import MARK, requester_key, strip_marks
from gateway.model.decision import ColumnTreatment, DatasetDecision
from gateway.model.plan import EnforcedPlan
from gateway.model.statistic import PlannedStatistic
from gateway.parse import EngineParser, parse
from gateway.release.watermark import mark_batches, marked_positions
from gateway.resolve import resolve
from gateway.rewrite import rewrite
from tests.unit.gateway.release.test_release import plan_of

CATALOGUE = load_catalogue()
CLEAR, PSEUDONYM = ColumnTreatment(action=ColumnAction.CLEAR), ColumnTreatment(action=ColumnAction.PSEUDONYM)
TREATMENTS = {
    "resident_id": PSEUDONYM,
    "name": CLEAR,
    "phone": ColumnTreatment(action=ColumnAction.PARTIAL, mask=Mask.PHONE),
    "registration_division": ColumnTreatment(action=ColumnAction.GENERALISE, mask=Mask.DIVISION_TOWNSHIP),
}
"""Of columns with these names; all others are clear."""
DIVISION = {"population.resident": "residence_division", "population.household": "division_code"}


@pytest.fixture(scope="module")
def engine_parser() -> Iterator[EngineParser]:
    made = EngineParser()
    yield made
    made.close()


def plan(sql: str, *, engine_parser: EngineParser, lookup_values_max: int | None = None) -> EnforcedPlan:
    resolved = resolve(parse(sql, engine_parser=engine_parser), catalogue=CATALOGUE)
    assert not resolved.unknown_names
    treatments: Mapping[str, ColumnTreatment] = TREATMENTS
    if lookup_values_max:
        treatments = {**treatments, "resident_id": ColumnTreatment(action=ColumnAction.LOOKUP)}
    decision = replace(
        plan_of("n").decision,
        datasets={
            used.name: DatasetDecision(
                name=used.name,
                columns={c.name: treatments.get(c.name, CLEAR) for c in used.columns},
                row_filter=Predicate(op=PredicateOp.PREFIX, column=DIVISION[used.name], values=("31",)),
                lookup_values_max=lookup_values_max,
            )
            for used in resolved.datasets
        },
    )
    return rewrite(resolved, decision=decision, catalogue=CATALOGUE)


@pytest.mark.parametrize(
    ("sql", "marked"),
    [
        ("SELECT name, phone, resident_id, sex FROM population.resident", [0, 1]),
        ("SELECT sex, name AS who FROM population.resident ORDER BY name", [1]),
        ("SELECT DISTINCT phone FROM population.resident", [0]),
        ("SELECT registration_division, dwelling_code, household_id, birth_date FROM population.resident", []),
        ("SELECT upper(name), name || phone, substr(phone, 1, 3), 'x' FROM population.resident", []),
        ("SELECT max(phone), count(*) FROM population.resident GROUP BY sex", []),
        (
            "SELECT r.name, h.head_name FROM population.resident r JOIN population.household h USING (household_id)",
            [0, 1],
        ),
        ("SELECT * FROM (SELECT sex, name FROM population.resident) AS t (a, b)", [1]),
        ("WITH c (x) AS (SELECT phone FROM population.resident) SELECT 1, t.x FROM c AS t", [1]),
        ("WITH c AS (SELECT name AS n FROM population.resident) SELECT upper(n), n FROM c", [1]),
        ("SELECT name FROM population.resident UNION ALL SELECT phone FROM population.resident", [0]),
        ("SELECT name FROM population.resident UNION ALL SELECT sex FROM population.resident", []),
    ],
)
def test_only_text_of_a_catalogue_column_is_marked(sql: str, marked: list[int], engine_parser: EngineParser) -> None:
    """Marked is partly masked or free text, wherever it passes through as it is; never a pseudonym, key or code."""
    assert marked_positions(plan(sql, engine_parser=engine_parser), catalogue=CATALOGUE) == tuple(marked)


def test_the_controller_decides_about_clear_text(engine_parser: EngineParser) -> None:
    """Without `watermark: true` a clear text leaves exactly as the department holds it."""
    dataset = CATALOGUE.datasets["population.resident"]
    columns = tuple(column.model_copy(update={"watermark": False}) for column in dataset.columns)
    silent = replace(
        CATALOGUE,
        datasets={**CATALOGUE.datasets, dataset.name: dataset.model_copy(update={"columns": columns})},
    )
    made = plan("SELECT name, phone FROM population.resident", engine_parser=engine_parser)
    assert marked_positions(made, catalogue=silent) == (1,)


@pytest.mark.parametrize("action", [ColumnAction.CLEAR, ColumnAction.PARTIAL, ColumnAction.PSEUDONYM])
def test_what_rows_are_joined_by_is_never_marked(action: ColumnAction, engine_parser: EngineParser) -> None:
    """Keys, divisions, codes and identifiers stay as they are under any treatment, whatever the catalogue says of marks."""
    datasets = {
        name: dataset.model_copy(
            update={"columns": tuple(c.model_copy(update={"watermark": True}) for c in dataset.columns)}
        )
        for name, dataset in CATALOGUE.datasets.items()
    }
    joined_by = "resident_id, household_id, dwelling_code, residence_division, registration_division, sex, ethnicity"
    made = plan(f"SELECT {joined_by}, name FROM population.resident", engine_parser=engine_parser)
    (used,) = made.decision.datasets.values()
    treated = replace(used, columns=dict.fromkeys(used.columns, ColumnTreatment(action=action)))
    made = replace(made, decision=replace(made.decision, datasets={used.name: treated}))
    marked = marked_positions(made, catalogue=replace(CATALOGUE, datasets=datasets))
    assert marked == (() if action is ColumnAction.PSEUDONYM else (7,))


def test_answers_to_look_ups_and_statistics_are_not_marked(engine_parser: EngineParser) -> None:
    """A few rows that were asked for by key, and counts, are exact."""
    looked_up = plan(
        "SELECT name, phone FROM population.resident WHERE resident_id = '310101194901010011'",
        engine_parser=engine_parser,
        lookup_values_max=3,
    )
    assert looked_up.scans[0].lookup_column == "resident_id"
    assert marked_positions(looked_up, catalogue=CATALOGUE) == ()
    rows = plan("SELECT name FROM population.resident", engine_parser=engine_parser)
    counted = replace(rows, statistic=PlannedStatistic(definition="d", people=(), sketches=()))
    assert marked_positions(counted, catalogue=CATALOGUE) == ()


def test_a_mark_is_all_that_changes() -> None:
    """Schema, order, nulls and every other value stay; a marked text is the text and one invisible character."""
    table = pa.table(
        {"n": range(300), "t": [None if i % 7 == 0 else f"张{i % 50}" for i in range(300)], "s": ["x"] * 300}
    )
    batches = mark_batches(iter(table.to_batches(64)), positions=(1,), key=requester_key(b"s" * 32, subject="r"))
    marked = pa.Table.from_batches(list(batches))
    assert marked.schema == table.schema
    assert marked.drop(["t"]).equals(table.drop(["t"]))
    assert strip_marks(marked["t"].combine_chunks()).equals(table["t"].combine_chunks())
    with_mark = [text for text in marked["t"].to_pylist() if text and text.endswith(MARK)]
    assert 0 < len(with_mark) < 300
