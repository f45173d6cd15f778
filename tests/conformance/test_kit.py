"""What the kit says of data, ceilings, memory and connectors that offer less."""

from __future__ import annotations

import ctypes
import gc
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import grpc
import pyarrow as pa
import pytest
import yaml

from catalog.vocabulary import ColumnAction, Mask
from connectors.conformance.clauses import CLAUSES
from connectors.conformance.load import check_load
from connectors.conformance.report import Broken, Findings, Outcome, Report
from connectors.conformance.running import CheckSettings
from connectors.conformance.survey import survey
from connectors.sdk.grant import GrantCode
from connectors.sdk.masks import COMPOUND_SURNAMES, treat
from connectors.sdk.predicates import Predicate, PredicateOp
from connectors.sources.own import PythonSource
from tests.conformance.faults import Faulty, Hoarding
from tests.conformance.served import PEOPLE, PERSON, InMemory, calling, check, in_memory, servicer, serving
from tests.unit.connectors.conftest import mapped
from tests.unit.docs.pages import blocks, code, read, section, table

PAGE = read("connector-protocol.md")


def outcomes(report: Report) -> Mapping[str, Outcome]:
    return {result.clause: result.outcome for result in report.results}


@pytest.mark.parametrize(
    ("clause", "column", "value"),
    [("D1", "note", None), ("D2", "kind", "unknown-code"), ("D3", "id", "310101194001010000")],
)
def test_data_that_break_the_catalogue_fail(tmp_path: Path, clause: str, column: str, value: str | None) -> None:
    """A null, an unknown code and a wrong check digit fail their clause, are counted, and are not shown."""
    values = [value, *PEOPLE.column(column).to_pylist()[1:]]
    index = PEOPLE.schema.get_field_index(column)
    rows = PEOPLE.set_column(index, pa.field(column, pa.string()), pa.array(values, pa.string()))
    with servicer(tmp_path, source=in_memory(rows)) as made, serving(made) as endpoint:
        report = check(endpoint)
    assert clause in report.failed
    assert set(report.failed) <= {clause, "Q1"}, report.to_markdown()
    assert column in report.to_markdown()
    assert value is None or value not in report.to_markdown() + report.to_json()


def test_ceilings_leave_no_clause_failed(tmp_path: Path) -> None:
    """What the ceilings forbid is judged by its form, or not at all."""
    ceiling = {"id": ColumnAction.PARTIAL, "name": ColumnAction.DENY, "members": ColumnAction.GENERALISE}
    with servicer(tmp_path, source=in_memory(), ceiling=ceiling) as made, serving(made) as endpoint:
        report = check(endpoint)
    assert report.failed == (), report.to_markdown()
    assert outcomes(report)["Q2"] is Outcome.NOT_CHECKED


class Lean(Faulty):
    """Offers neither a log nor profiles."""

    def ReadGrantLog(self, request, context):
        context.abort(grpc.StatusCode.UNIMPLEMENTED, "")

    FindSubject = Profile = ReadGrantLog


def test_what_need_not_be_offered_fails_nothing(tmp_path: Path) -> None:
    """A connector without log and profile passes, and the report says what it does not offer."""
    with servicer(tmp_path, source=in_memory()) as made, serving(Lean(made)) as endpoint:
        report = check(endpoint)
    not_offered = {clause for clause, outcome in outcomes(report).items() if outcome is Outcome.NOT_OFFERED}
    assert (report.failed, not_offered) == ((), {"L1", "L2", "L3", "Q1", "Q2"})


def test_nobody_there_is_a_failure() -> None:
    """Without a connector C1 fails and nothing else is judged."""
    report = check("127.0.0.1:1", seconds_max=2)
    assert report.failed == ("C1",)
    assert {outcome for clause, outcome in outcomes(report).items() if clause != "C1"} == {Outcome.NOT_CHECKED}


class Growing(InMemory):
    """A source whose table turns into 128 MiB, made while they are read."""

    is_large = False

    def scan(self, table: str, *, columns: tuple[str, ...], predicate: Predicate) -> Iterator[pa.RecordBatch]:
        yield from super().scan(table, columns=columns, predicate=predicate)
        if self.is_large and predicate.op is PredicateOp.OR:
            rows = PEOPLE.slice(0, 64).to_batches()[0]
            index = rows.schema.get_field_index("note")
            for number in range(128):
                note = pa.array([f"{number:016}" * 1024] * len(rows))
                yield rows.set_column(index, rows.schema.field("note"), note)


@pytest.mark.parametrize(("wrap", "failed"), [(Faulty, ()), (Hoarding, ("E5",))])
def test_memory_must_not_grow_with_the_result(tmp_path: Path, wrap: type[Faulty], failed: tuple[str, ...]) -> None:
    """A connector that reads the whole result before it sends anything fails E5; the real one does not."""
    gc.collect()  # else what earlier tests freed is used again, and nothing grows
    pa.default_memory_pool().release_unused()
    ctypes.CDLL(None).malloc_trim(0)
    rows, findings = Growing(PEOPLE), Findings()
    source = PythonSource(rows, tables=mapped(PERSON, table="person"))
    with servicer(tmp_path, source=source) as made, serving(wrap(made)) as endpoint, calling(endpoint) as target:
        looked = survey(target, PERSON, findings=findings)
        rows.is_large = True
        try:
            check_load(looked, pid=os.getpid(), findings=findings)
        except Broken as broken:
            findings.failed(broken)
    results = {result.clause: result.outcome for result in findings.results()}
    assert tuple(clause for clause, outcome in results.items() if outcome is Outcome.FAILED) == failed
    assert (results["E5"] is Outcome.PASSED) == (not failed)


def test_the_page_lists_every_clause() -> None:
    """docs/connector-protocol.md and the kit have the same clauses, in both languages and the same order."""
    rows = re.findall(r"^\| ([A-Z][0-9]) \| (.*?) \| (.*?) \|$", PAGE, re.MULTILINE)
    assert rows == [(clause.id, clause.text.en, clause.text.zh) for clause in CLAUSES.values()]


def test_the_page_has_the_surnames_and_addresses_of_the_masks() -> None:
    """Whoever follows the page masks names and addresses as this distribution does."""
    by_info = dict(blocks(PAGE))
    assert tuple(by_info["text surnames"].split()) == COMPOUND_SURNAMES
    patterns = dict(line.split(maxsplit=1) for line in by_info["text addresses"].splitlines())
    addresses = pa.array(
        ["静安区南京西路1号", "长宁区新华路街道番禺路211弄2号", "浦东新区花木街道东城居委会5号楼", "no address", ""]
    )
    for mask, pattern in patterns.items():
        treated = treat(addresses, action=ColumnAction.PARTIAL, mask=Mask(mask), pseudonym_key=b"")
        followed = [found[0] + "**" if (found := re.match(pattern, one)) else "**" for one in addresses.to_pylist()]
        assert treated.to_pylist() == followed


def test_the_page_lists_the_refusals() -> None:
    """Every code of a refused grant is in the page, and no other."""
    _, _, refusals = section(PAGE, "Grants").partition("| code | when |")
    listed = {code(line)[0] for line in refusals.splitlines() if line.startswith("| `")}
    assert listed == set(GrantCode)


def test_the_page_lists_the_settings() -> None:
    """The example of a check is accepted, and every key is explained."""
    (example,) = [content for info, content in blocks(PAGE) if info == "yaml check"]
    CheckSettings.model_validate(yaml.safe_load(example))
    listed = {key.partition(".")[0] for row in table(section(PAGE, "Check a connector")) for key in code(row[0])}
    assert listed | {"kind"} == set(CheckSettings.model_fields)
