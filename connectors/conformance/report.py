"""What the kit found: one result for each clause, and the report for the department's auditor. No value is ever in it."""

from __future__ import annotations

import dataclasses
import datetime
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from catalog.dataset import Text
from connectors.conformance.clauses import CLAUSES


class Outcome(StrEnum):
    """How a clause came out."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_OFFERED = "not_offered"
    """The connector leaves out what it may leave out."""
    NOT_CHECKED = "not_checked"
    """The connector's data or settings, or an earlier failure, left no way to tell."""


OUTCOMES: Mapping[Outcome, Text] = {
    Outcome.PASSED: Text(zh="通过", en="passed"),
    Outcome.FAILED: Text(zh="未通过", en="failed"),
    Outcome.NOT_OFFERED: Text(zh="未提供", en="not offered"),
    Outcome.NOT_CHECKED: Text(zh="未检查", en="not checked"),
}


class Broken(Exception):
    """A clause does not hold. `detail` names columns, codes and counts, never values."""

    def __init__(self, clause: str, detail: Text) -> None:
        super().__init__(f"{clause}: {detail.en}")
        self.clause = clause
        self.detail = detail


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What was found of one clause, with one dataset where it is about datasets."""

    clause: str
    outcome: Outcome
    dataset: str = ""
    detail: Text | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClauseResult:
    """The result of one clause over all datasets."""

    clause: str
    outcome: Outcome
    details: tuple[Finding, ...]
    """The findings that made it so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Everything a reader needs to trust the results."""

    results: tuple[ClauseResult, ...]
    department: str
    endpoint: str
    instance_id: str
    certificate_sha256: str
    """In hexadecimal; empty over plaintext."""
    datasets: tuple[str, ...]
    scans: int
    kit_version: str
    checked_at: int
    """Seconds since 1970-01-01 UTC."""

    @property
    def passed(self) -> bool:
        """Whether no clause failed."""
        return all(result.outcome is not Outcome.FAILED for result in self.results)

    @property
    def failed(self) -> tuple[str, ...]:
        """Ids of the clauses that failed."""
        return tuple(result.clause for result in self.results if result.outcome is Outcome.FAILED)

    def to_json(self) -> str:
        """Return the report for programs."""
        document = dataclasses.asdict(self) | {"passed": self.passed}
        for result, entry in zip(self.results, document["results"], strict=True):
            entry["text"] = CLAUSES[result.clause].text.model_dump()
            for finding, detail in zip(result.details, entry["details"], strict=True):
                detail["detail"] = finding.detail and finding.detail.model_dump()
        return json.dumps(document, ensure_ascii=False, indent=2) + "\n"

    def to_markdown(self) -> str:
        """Return the report for people."""
        when = datetime.datetime.fromtimestamp(self.checked_at, datetime.UTC).isoformat()
        heads = {
            "部门 Department": self.department,
            "地址 Endpoint": self.endpoint,
            "实例 Instance": self.instance_id or "-",
            "证书 Certificate (SHA-256)": self.certificate_sha256 or "-",
            "数据集 Datasets": ", ".join(self.datasets) or "-",
            "扫描 Scans": str(self.scans),
            "时间 Time": when,
            "检查程序 Kit": self.kit_version,
            "结论 Result": "通过 passed" if self.passed else f"未通过 failed: {', '.join(self.failed)}",
        }
        lines = ["# 连接器检查报告 Conformance report", "", *(f"- {key}: {value}" for key, value in heads.items()), ""]
        lines += ["| 条款 Clause | 内容 Promise | 结果 Result | 说明 Detail |", "|---|---|---|---|"]
        for result in self.results:
            text, outcome = CLAUSES[result.clause].text, OUTCOMES[result.outcome]
            details = "<br>".join(described(result)).replace("|", "\\|")
            lines.append(f"| {result.clause} | {text.zh} {text.en} | {outcome.zh} {outcome.en} | {details} |")
        return "\n".join(lines) + "\n"


def described(result: ClauseResult) -> list[str]:
    """Return one line for each detail of a result."""
    told = [finding for finding in result.details if finding.detail is not None]
    return [
        f"{finding.dataset + ': ' if finding.dataset else ''}{finding.detail.zh} {finding.detail.en}"
        for finding in told
        if finding.detail is not None
    ]


@dataclass(slots=True)
class Findings:
    """Collects what is found while the kit runs."""

    found: list[Finding] = field(default_factory=list)

    def passed(self, clause: str, *, dataset: str = "", detail: Text | None = None) -> None:
        """Note that a clause held."""
        self.found.append(Finding(clause=clause, outcome=Outcome.PASSED, dataset=dataset, detail=detail))

    def failed(self, broken: Broken, *, dataset: str = "") -> None:
        """Note that a clause did not hold."""
        self.found.append(Finding(clause=broken.clause, outcome=Outcome.FAILED, dataset=dataset, detail=broken.detail))

    def not_offered(self, clause: str, *, dataset: str = "", detail: Text | None = None) -> None:
        """Note that the connector leaves out what a clause is about."""
        self.found.append(Finding(clause=clause, outcome=Outcome.NOT_OFFERED, dataset=dataset, detail=detail))

    def not_checked(self, clause: str, *, dataset: str = "", detail: Text) -> None:
        """Note that nobody can tell."""
        self.found.append(Finding(clause=clause, outcome=Outcome.NOT_CHECKED, dataset=dataset, detail=detail))

    def results(self) -> tuple[ClauseResult, ...]:
        """Return every clause once; the worst finding counts, and what nothing was found of was not checked."""
        return tuple(self._result(clause) for clause in CLAUSES)

    def _result(self, clause: str) -> ClauseResult:
        found = [finding for finding in self.found if finding.clause == clause]
        for outcome in (Outcome.FAILED, Outcome.PASSED, Outcome.NOT_OFFERED, Outcome.NOT_CHECKED):
            made = tuple(dict.fromkeys(finding for finding in found if finding.outcome is outcome))
            if made:
                return ClauseResult(clause=clause, outcome=outcome, details=made)
        failed = sorted({finding.clause for finding in self.found if finding.outcome is Outcome.FAILED})
        named = ", ".join(failed) or "-"
        detail = Text(zh=f"先决条款未通过：{named}", en=f"after an earlier failure: {named}")
        unknown = Finding(clause=clause, outcome=Outcome.NOT_CHECKED, detail=detail)
        return ClauseResult(clause=clause, outcome=Outcome.NOT_CHECKED, details=(unknown,))
