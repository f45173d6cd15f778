"""Runs every check against one connector and puts the findings together."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version

from catalog.dataset import Dataset, Text
from connectors.conformance.connection import Described, check_callers, check_connection
from connectors.conformance.evidence import check_log, check_profile
from connectors.conformance.filters import check_filters
from connectors.conformance.load import check_load
from connectors.conformance.refusals import check_refusals
from connectors.conformance.report import Broken, Findings, Report
from connectors.conformance.survey import Survey, survey
from connectors.conformance.target import CallFailed, Target
from connectors.conformance.values import check_data, check_values


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls:
    """What the kit knows of the connector's certificate."""

    roots: bytes
    """PEM of the authority."""
    host: str
    """DNS name in the connector's certificate."""
    certificate_sha256: str
    """In hexadecimal."""


def check_connector(
    target: Target,
    *,
    endpoint: str,
    catalogue: Mapping[str, Dataset],
    datasets: tuple[str, ...] = (),
    tls: Tls | None = None,
    pid: int | None = None,
) -> Report:
    """Check a running connector against every clause.

    Args:
        target: The connector; its channel is the caller's to close.
        endpoint: Its host:port.
        catalogue: The catalogue's datasets.
        datasets: Names of those to check; empty for all that it serves.
        tls: Over TLS, what is known of its certificate.
        pid: Its process id when it runs on this machine.
    """
    findings = Findings()
    described = Described(instance_id="", datasets=())
    if tls is None:
        text = Text(
            zh="连接器在本机回环地址上以明文运行", en="the connector runs in plaintext on the loopback interface"
        )
        findings.not_checked("C5", detail=text)
    else:
        check_callers(endpoint, roots=tls.roots, host=tls.host, findings=findings)
    try:
        described = check_connection(target, catalogue=catalogue, findings=findings)
    except Broken as broken:
        findings.failed(broken)
    wanted = tuple(one for one in described.datasets if not datasets or one.name in datasets)
    for name in sorted(set(datasets) - {one.name for one in wanted}):
        findings.failed(Broken("C2", Text(zh="没有这个数据集", en="it does not serve this dataset")), dataset=name)
    surveys = tuple(looked for one in wanted if (looked := _looked(target, one, findings=findings)) is not None)
    _check_surveys(surveys, target=target, pid=pid, findings=findings)
    return Report(
        results=findings.results(),
        department=target.department,
        endpoint=endpoint,
        instance_id=described.instance_id,
        certificate_sha256="" if tls is None else tls.certificate_sha256,
        datasets=tuple(one.name for one in wanted),
        scans=len(target.ledger.ends),
        kit_version=version("sharing-gateway"),
        checked_at=target.started_at,
    )


def _looked(target: Target, dataset: Dataset, *, findings: Findings) -> Survey | None:
    try:
        return survey(target, dataset, findings=findings)
    except Broken as broken:
        findings.failed(broken, dataset=dataset.name)
    except CallFailed as failed:
        findings.failed(Broken("S5", failed.text), dataset=dataset.name)
    return None


def _check_surveys(surveys: tuple[Survey, ...], *, target: Target, pid: int | None, findings: Findings) -> None:
    for looked in surveys:
        for check in (check_data, check_filters, check_values, check_profile):
            _guarded(partial(check, looked, findings=findings), findings=findings)
    if surveys:
        _guarded(partial(check_refusals, surveys[0], findings=findings), findings=findings)
        _guarded(partial(check_log, target, surveys=surveys, findings=findings), findings=findings)
    with_rows = [looked for looked in surveys if looked.known is not None and looked.known.num_rows]
    if with_rows:
        largest = max(with_rows, key=lambda looked: looked.sample.nbytes)
        _guarded(partial(check_load, largest, pid=pid, findings=findings), findings=findings)
    if target.ledger.ends:
        scans = Text(zh=f"{len(target.ledger.ends)} 次扫描", en=f"{len(target.ledger.ends)} scans")
        for clause in ("S1", "S2", "S3", "S4", "S5"):
            findings.passed(clause, detail=scans)
    if target.ledger.refused:
        refused = Text(zh=f"{target.ledger.refused} 次拒绝", en=f"{target.ledger.refused} refusals")
        findings.passed("E1", detail=refused)


def _guarded(check: Callable[[], None], *, findings: Findings) -> None:
    try:
        check()
    except Broken as broken:
        findings.failed(broken)
    except CallFailed as failed:
        findings.failed(Broken("S5", failed.text))
