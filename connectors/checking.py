"""`connector check`, loaded when it is called: it brings the whole conformance kit."""

from __future__ import annotations

import tempfile
from pathlib import Path

import structlog
import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from catalog.load import CatalogueInvalid, load_catalogue
from connectors.conformance.clauses import CLAUSES
from connectors.conformance.report import OUTCOMES, Outcome, Report, described
from connectors.conformance.running import CheckSettings, check_key, check_running, read_check_settings
from connectors.sdk.config import (
    LogSettings,
)
from connectors.sdk.peer import PeerRefused
from connectors.serving import fail, read, serving


def check(config: Path, *, report: Path | None) -> None:
    """Check a connector, write and print the report; ends with 1 when a clause failed."""
    try:
        running = read_check_settings(config) if config.exists() else None
        checked = _check_own(config) if running is None else _check_running(running)
        if report is not None:
            report.write_text(checked.to_json() if report.suffix == ".json" else checked.to_markdown(), "utf-8")
    except (OSError, ValueError) as error:
        fail(f"无法检查：{error}", f"cannot check: {error}")
    _print_report(checked)
    if not checked.passed:
        raise typer.Exit(1)


def _check_running(running: CheckSettings) -> Report:
    try:
        return check_running(running, catalogue=load_catalogue(running.catalogue).datasets)
    except CatalogueInvalid as invalid:
        fail("目录无法使用", f"the catalogue cannot be used:\n{invalid}\n")
    except PeerRefused as refused:
        fail(refused.text.zh.rstrip("。"), refused.text.en.rstrip("."))


def _check_own(config: Path) -> Report:
    """Serve on loopback with a key and a log for the occasion, and check that."""
    settings, datasets = read(config)
    quiet = structlog.wrap_logger(structlog.ReturnLogger())
    with tempfile.TemporaryDirectory() as folder:
        key = Path(folder) / "check-key.pem"
        check_key(key)
        changes: dict[str, object] = {
            "listen": "127.0.0.1:0",
            "tls": None,
            "plaintext": True,
            "witness": None,
            "grant_keys": key.with_name(key.name + ".jwks.json"),
            "log": LogSettings(directory=Path(folder) / "log", key=Path(folder) / "log.pem"),
        }
        with serving(settings.model_copy(update=changes), datasets, log=quiet) as (address, _):
            running = CheckSettings(
                kind="check", endpoint=address, department=settings.department, grant_private_key=key
            )
            return check_running(running, catalogue=datasets)


def _print_report(report: Report) -> None:
    table = Table("条款 Clause", "内容 Promise", "结果 Result", "说明 Detail")
    colours = {Outcome.PASSED: "green", Outcome.FAILED: "red"}
    for result in report.results:
        text, outcome = CLAUSES[result.clause].text, OUTCOMES[result.outcome]
        told = f"[{colours.get(result.outcome, 'yellow')}]{outcome.zh} {outcome.en}[/]"
        table.add_row(result.clause, f"{text.zh} {text.en}", told, escape("\n".join(described(result))))
    Console().print(table)
