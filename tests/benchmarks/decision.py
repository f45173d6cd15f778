"""One decision over the real catalogue, against the same engine with a policy of one constant; and one from the cache."""

from __future__ import annotations

from gateway.decide import CachingPdp, PolicyDecisionPoint
from gateway.decide.policy_input import make_policy_input
from gateway.parse import EngineParser, parse
from gateway.resolve import resolve
from tests.benchmarks.in_process import (
    JOIN_SQL,
    REQUESTER,
    STANDING,
    asked_for,
    constant_bundle,
    policy_points,
    real_bundle,
)
from tests.benchmarks.measure import Latency, Line, Setting, seconds_of

CASES = (
    ("one dataset", "SELECT name, phone FROM population.resident WHERE sex = '2'", "elderly-care-visits"),
    ("three datasets", JOIN_SQL, "elderly-care-visits"),
    ("denied", "SELECT bank_account, monthly_amount FROM civil_affairs.social_assistance", "grid-inspection"),
)


def run(setting: Setting) -> list[Line]:
    """Measure."""
    bundle, catalogue = real_bundle()
    inputs = {
        case: make_policy_input(
            resolve(parse(sql, engine_parser=EngineParser()), catalogue=catalogue),
            requester=REQUESTER,
            context=asked_for(purpose),
            standing=STANDING,
        )
        for case, sql, purpose in CASES
    }
    count = setting.size(600, quick=60)
    lines = []
    with (
        policy_points(bundle, folder=setting.folder) as points,
        policy_points(constant_bundle(), folder=setting.folder) as constants,
    ):
        for engine, pdp in points.items():
            for case, policy_input in inputs.items():
                taken = _latency(pdp, policy_input, count=count)
                least = _latency(constants[engine], policy_input, count=count)
                lines.append(
                    Line(
                        what=f"{engine}, {case}",
                        measured=str(taken),
                        baseline=f"constant policy: {least}",
                        ratio=taken.p50_ms / least.p50_ms,
                        numbers={"p50_ms": taken.p50_ms, "p99_ms": taken.p99_ms}
                        | {"baseline_p50_ms": least.p50_ms, "baseline_p99_ms": least.p99_ms},
                    )
                )
            lines.append(_remembered(engine, pdp, inputs["three datasets"], count=count))
    return lines


def _remembered(engine: str, pdp: PolicyDecisionPoint, policy_input: dict[str, object], *, count: int) -> Line:
    """Return what a decision costs that was made in the same second before."""
    evaluated = _latency(pdp, policy_input, count=count)
    hit = _latency(CachingPdp(pdp), policy_input, count=count)
    return Line(
        what=f"{engine}, three datasets, remembered",
        measured=f"p50 {hit.p50_ms * 1000:.0f}, p99 {hit.p99_ms * 1000:.0f} µs",
        baseline=f"evaluated: {evaluated}",
        ratio=hit.p50_ms / evaluated.p50_ms,
        numbers={"p50_ms": hit.p50_ms, "p99_ms": hit.p99_ms}
        | {"baseline_p50_ms": evaluated.p50_ms, "baseline_p99_ms": evaluated.p99_ms},
    )


def _latency(pdp: PolicyDecisionPoint, policy_input: dict[str, object], *, count: int) -> Latency:
    samples = [seconds_of(lambda: pdp.evaluate(policy_input, deadline_seconds=2.0)) for _ in range(count + 20)]
    return Latency.of(samples[20:])
