"""The checks of `gateway policy test`: OPA's own, and the scenario files through every engine."""

from __future__ import annotations

import json
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from catalog.dataset import Text
from gateway.decide import EmbeddedPdp, PolicyBundle, PolicyDecisionPoint
from gateway.decide.opa_server import OpaServerPdp, provision
from gateway.decide.scenarios import ScenarioFailure, failures, load_scenario
from gateway.doors.cli.local_city import find_opa, free_port
from gateway.doors.cli.processes import ChildFailed, Children
from gateway.errors import Unavailable

_OPA_SECONDS_MAX = 300.0
_OPA_TEST = ("test", "--timeout", "120s")
"""Five seconds for each test are too few on a slow machine."""
_START_SECONDS_MAX = 120.0
_SCENARIOS = "scenarios"


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """One line of the outcome."""

    what: Text
    passed: bool | None
    """None when it was skipped."""
    details: tuple[str, ...] = ()


def find_opa_or_none() -> str | None:
    """Return the path of an OPA binary, or None."""
    try:
        return find_opa()
    except ChildFailed:
        return None


def opa_checks(opa: str, policies: Path) -> Iterator[Checked]:
    """Yield what OPA says of format, strict compilation against the input's schema, tests and their coverage."""
    formatted = _run(opa, "fmt", "--list", str(policies))
    unformatted = [line for line in formatted.stdout.splitlines() if line]
    yield _checked("opa fmt", passed=formatted.returncode == 0 and not unformatted, said=formatted)
    only_rego = ("--ignore", _SCENARIOS)  # OPA takes every YAML file for data
    schema = str(policies / "schema" / "input.json")
    checked = _run(opa, "check", "--strict", *only_rego, "--schema", schema, str(policies))
    yield _checked("opa check --strict", passed=checked.returncode == 0, said=checked)
    covered = _run(opa, *_OPA_TEST, "--coverage", *only_rego, str(policies))
    if covered.returncode == 0:
        yield _coverage(json.loads(covered.stdout))
    else:
        yield _checked("opa test", passed=False, said=_run(opa, *_OPA_TEST, *only_rego, str(policies)))


@contextmanager
def running_engines(
    bundle: PolicyBundle, *, opa: str | None, logs: Path
) -> Iterator[Mapping[str, PolicyDecisionPoint]]:
    """Yield the engines by name: the embedded one, and an OPA server when there is a binary.

    Raises:
        Unavailable: An engine does not take the policies.
        ChildFailed: OPA does not start.
    """
    with ExitStack() as open_parts:
        engines: dict[str, PolicyDecisionPoint] = {"embedded": EmbeddedPdp(bundle)}
        open_parts.callback(engines["embedded"].close)
        if opa:
            children = Children(logs=logs, stop=threading.Event())
            open_parts.callback(children.stop)
            address = f"127.0.0.1:{free_port()}"
            children.start("opa", [opa, "run", "--server", "--addr", address, "--log-level", "error"])
            engines["OPA"] = _provisioned(f"http://{address}", bundle=bundle)
            open_parts.callback(engines["OPA"].close)
        yield engines


def scenario_checks(
    policies: Path, *, engines: Mapping[str, PolicyDecisionPoint], schema: Mapping[str, Any]
) -> Iterator[Checked]:
    """Yield the outcome of every scenario file, through every engine."""
    paths = sorted((policies / _SCENARIOS).glob("*.yaml"))
    if not paths:
        yield Checked(what=Text(zh="情景文件：没有", en="scenario files: none"), passed=None)
    for path in paths:
        name = f"{_SCENARIOS}/{path.name}"
        try:
            scenario = load_scenario(path)
        except ValueError as error:
            yield Checked(what=Text(zh=name, en=name), passed=False, details=tuple(str(error).splitlines()))
            continue
        details = [
            _line(engine, failure)
            for engine, pdp in engines.items()
            for failure in failures(scenario, pdp=pdp, schema=schema)
        ]
        count, through = len(scenario.cases), " + ".join(engines)
        what = Text(zh=f"{name}：{count} 例（{through}）", en=f"{name}: {count} cases ({through})")
        yield Checked(what=what, passed=not details, details=tuple(details))


def _line(engine: str, failure: ScenarioFailure) -> str:
    expected, got = (json.dumps(value, ensure_ascii=False) for value in (failure.expected, failure.got))
    return f"{engine} · {failure.sentence} · {failure.where}: {expected} ≠ {got}"


def _run(opa: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([opa, *arguments], capture_output=True, text=True, timeout=_OPA_SECONDS_MAX, check=False)


def _checked(what: str, *, passed: bool, said: subprocess.CompletedProcess[str]) -> Checked:
    details = () if passed else tuple((said.stdout + said.stderr).splitlines())
    return Checked(what=Text(zh=what, en=what), passed=passed, details=details)


def _coverage(report: Mapping[str, Any]) -> Checked:
    details = tuple(
        f"{name}: {place['start']['row']}–{place['end']['row']}"
        for name, file in sorted(report["files"].items())
        for place in file.get("not_covered", ())
    )
    what = f"opa test, coverage {report['coverage']} %"
    return Checked(what=Text(zh=what, en=what), passed=report["coverage"] == 100, details=details)


def _provisioned(url: str, *, bundle: PolicyBundle) -> PolicyDecisionPoint:
    deadline = time.monotonic() + _START_SECONDS_MAX
    while True:
        try:
            provision(url, bundle=bundle)
            return OpaServerPdp(url, bundle)
        except Unavailable:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
