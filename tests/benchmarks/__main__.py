"""Run the benchmarks: `python -m tests.benchmarks [--only ROW]… [--quick]`.

Every line stands beside a baseline measured in the same run, because the ratio survives a change of machine and the number
does not. `bench.json` at the root of the project holds them all.
"""

from __future__ import annotations

import argparse
import datetime
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path

from rich.console import Console

from gateway.serve import tune_interpreter
from tests.benchmarks import (
    audit_evidence,
    audit_log,
    audit_search,
    bulk_delivery,
    catalogue,
    console_grid,
    decision,
    federated_join,
    masks,
    own_work,
    point_lookup,
    report,
    revocation,
    sample_city,
)
from tests.benchmarks.measure import Line, Setting

ROWS: Mapping[str, Callable[[Setting], list[Line]]] = {
    "point-lookup": point_lookup.run,
    "own-work": own_work.run,
    "decision": decision.run,
    "bulk-delivery": bulk_delivery.run,
    "federated-join": federated_join.run,
    "audit-log": audit_log.run,
    "audit-search": audit_search.run,
    "audit-evidence": audit_evidence.run,
    "masks": masks.run,
    "revocation": revocation.run,
    "sample-city": sample_city.run,
    "catalogue": catalogue.run,
    "console-grid": console_grid.run,
}
_DISK = Path("/var/tmp")
"""Not `/tmp`, which may be memory: a durable entry must reach a disk."""


def main() -> int:
    """Measure, show, write; 1 when a row could not be measured."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--only", action="append", choices=list(ROWS), metavar="ROW", help=", ".join(ROWS))
    parser.add_argument("--quick", action="store_true", help="small sizes, for a look at the benchmarks themselves")
    arguments = parser.parse_args()
    tune_interpreter()
    started, clock = datetime.datetime.now(datetime.UTC), time.monotonic()
    measured = {name: _measured(name, quick=arguments.quick) for name in arguments.only or ROWS}
    rows = {name: lines for name, lines in measured.items() if lines}
    report.show(rows, quick=arguments.quick)
    path = Path(__file__).parents[2] / "bench.json"
    report.write(rows, path, quick=arguments.quick, started=started, seconds=time.monotonic() - clock)
    return 0 if len(rows) == len(measured) else 1


def _measured(name: str, *, quick: bool) -> list[Line]:
    console, clock = Console(stderr=True), time.monotonic()
    try:
        with tempfile.TemporaryDirectory(prefix="sharing-benchmark-", dir=_DISK) as folder:
            Path(folder).chmod(0o755)  # PostgreSQL runs as another user when this runs as root
            lines = ROWS[name](Setting(folder=Path(folder), quick=quick))
    except Exception:
        traceback.print_exc()
        lines = []
    console.print(f"{name}: {time.monotonic() - clock:.0f} s", highlight=False)
    return lines


if __name__ == "__main__":
    sys.exit(main())
