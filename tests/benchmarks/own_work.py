"""What the gateway itself does before it asks a connector, against reading the same SQL with sqlglot alone."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass

import sqlglot
from sqlglot.optimizer.qualify import qualify
from sqlglot.schema import MappingSchema

from catalog.catalogue import Catalogue
from gateway.audit import AuditLog, record_intent
from gateway.decide import PolicyDecisionPoint, decide
from gateway.parse import EngineParser, parse
from gateway.resolve import resolve
from gateway.rewrite import rewrite
from tests.benchmarks.in_process import (
    JOIN_SQL,
    REQUESTER,
    STANDING,
    asked_for,
    new_id,
    open_log,
    policy_points,
    real_bundle,
)
from tests.benchmarks.measure import Latency, Line, Setting, seconds_of

STAGES = ("parse", "resolve", "decide", "rewrite", "audit intent (fsync)")
_PURPOSE = "elderly-care-visits"
_P99_MS_MAX = 8.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Parts:
    catalogue: Catalogue
    engine_parser: EngineParser
    pdp: PolicyDecisionPoint
    log: AuditLog


def run(setting: Setting) -> list[Line]:
    """Measure."""
    count, warm = setting.size(1_000, quick=100), setting.size(100, quick=20)
    bundle, catalogue = real_bundle()
    reading = Latency.of([seconds_of(_sqlglot_alone(catalogue)) for _ in range(count)][warm:])
    baseline = f"sqlglot parse + qualify: {reading}"
    lines: list[Line] = []
    with open_log(setting.folder / "audit") as log, policy_points(bundle, folder=setting.folder) as points:
        for engine, pdp in points.items():
            parts = _Parts(catalogue=catalogue, engine_parser=EngineParser(), pdp=pdp, log=log)
            samples = [_stages(parts) for _ in range(count + warm)][warm:]
            total = Latency.of([sum(sample) for sample in samples])
            reached = None if setting.quick else total.p99_ms <= _P99_MS_MAX
            lines.append(_line(f"all stages, {engine}", total, baseline, reading, reached=reached, bar="p99 ≤ 8 ms"))
            for index, stage in enumerate(STAGES):
                if engine == "embedded" or stage == "decide":
                    part = Latency.of([sample[index] for sample in samples])
                    share = part.p50_ms / total.p50_ms
                    lines.append(_line(f"· {share:.0%} {stage}, {engine}", part, "the same", reading))
    return lines


def _line(
    what: str, taken: Latency, baseline: str, reading: Latency, *, reached: bool | None = None, bar: str = ""
) -> Line:
    return Line(
        what=what,
        measured=str(taken),
        baseline=baseline,
        ratio=taken.p50_ms / reading.p50_ms,
        bar=bar,
        reached=reached,
        numbers={"p50_ms": taken.p50_ms, "p99_ms": taken.p99_ms}
        | {"baseline_p50_ms": reading.p50_ms, "baseline_p99_ms": reading.p99_ms},
    )


def _sqlglot_alone(catalogue: Catalogue) -> Callable[[], object]:
    schema = MappingSchema(dialect="duckdb")
    for name, dataset in catalogue.datasets.items():
        schema.add_table(name, {column.name: "VARCHAR" for column in dataset.columns}, dialect="duckdb")
    return lambda: qualify(sqlglot.parse_one(JOIN_SQL, dialect="duckdb"), dialect="duckdb", schema=schema)


def _stages(parts: _Parts) -> list[float]:
    """Return the seconds of each stage."""
    context, clock = asked_for(_PURPOSE), [time.perf_counter()]

    def done() -> None:
        clock.append(time.perf_counter())

    parsed = parse(JOIN_SQL, engine_parser=parts.engine_parser)
    done()
    resolved = resolve(parsed, catalogue=parts.catalogue)
    done()
    decision = decide(
        resolved,
        requester=REQUESTER,
        context=context,
        standing=STANDING,
        pdp=parts.pdp,
        catalogue=parts.catalogue,
        decision_id=new_id(),
        deadline_seconds=2.0,
    )
    done()
    plan = rewrite(resolved, decision=decision, catalogue=parts.catalogue)
    done()
    record_intent(
        parts.log,
        requester=REQUESTER,
        context=context,
        plan=plan,
        catalogue_revision=parts.catalogue.revision,
        people={},
    )
    done()
    return [after - before for before, after in itertools.pairwise(clock)]
