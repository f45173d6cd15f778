"""The questions of `gateway audit stats` and of the console, as the SQL that any auditor could send."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from catalog.dataset import Text

PURPOSE = "audit-supervision"
"""Under which they are asked."""
NOT_DECIDED: Mapping[str, Text] = {
    "NOT_ARCHIVED": Text(
        zh="策略档案中没有该版本；请从备份恢复策略档案目录",
        en="the policy archive does not have this revision; restore its directory from a backup",
    ),
    "ARCHIVE_ALTERED": Text(
        zh="策略档案中该版本的文件已被改动；请查明原因并从备份恢复",
        en="the policy archive's file of this revision was altered; find out why, and restore it from a backup",
    ),
    "INPUT_OF_OTHER_FORM": Text(
        zh="记录的输入形式不同，该策略无法判定", en="the recorded input has another form than this policy reads"
    ),
}
"""Why a recorded decision could not be made again, by the code in its differences."""


class ReportName(StrEnum):
    """Names of the reports."""

    OFFICES = "offices"
    CONTROLLERS = "controllers"
    PURPOSES = "purposes"
    HOURS = "hours"
    DENIALS = "denials"
    VOLUME = "volume"
    NIGHT = "night"
    OUTSIDE = "outside"
    PEOPLE = "people"


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One report."""

    title: Text
    statement: str
    """SQL with the places `{period}`, `{asked}`, `{counts}` and `{least}`."""
    least: int = 1
    """What counts as unusual when nobody says otherwise."""

    def sql(self, *, first: datetime.date, last: datetime.date, least: int | None) -> str:
        """Return the statement for the days from `first` to `last`, both included, in Shanghai."""
        period = f"recorded_on BETWEEN DATE '{first.isoformat()}' AND DATE '{last.isoformat()}'"
        least = self.least if least is None else least
        return self.statement.format(period=period, asked=_ASKED, counts=_COUNTS, least=least)


_ASKED = "(channel IS NULL OR channel <> 'explain')"
"""What only explained a statement is no query and no denial."""
_COUNTS = f"""
  count(*) FILTER (WHERE kind = 'intent') AS accesses, count(*) FILTER (WHERE kind = 'denial' AND {_ASKED}) AS denials,
  count(DISTINCT requester) AS requesters, sum(row_count) AS delivered_rows"""

REPORTS: Mapping[ReportName, Report] = {
    ReportName.OFFICES: Report(
        title=Text(zh="各单位的访问", en="Accesses by office"),
        statement="""
SELECT office, {counts}
FROM audit.access_log WHERE {period} AND office IS NOT NULL
GROUP BY office ORDER BY accesses DESC, office""",
    ),
    ReportName.CONTROLLERS: Report(
        title=Text(zh="各部门数据被访问的情况", en="Accesses by controller and dataset"),
        statement="""
SELECT controller, dataset, count(DISTINCT entry_id) AS accesses, count(DISTINCT requester) AS requesters,
  count(DISTINCT office) AS offices, count(DISTINCT column_name) AS columns_used
FROM audit.accessed_column WHERE {period} AND kind = 'intent'
GROUP BY controller, dataset ORDER BY accesses DESC, dataset""",
    ),
    ReportName.PURPOSES: Report(
        title=Text(zh="各用途的访问", en="Accesses by purpose"),
        statement="""
SELECT purpose, {counts}
FROM audit.access_log WHERE {period} AND purpose IS NOT NULL
GROUP BY purpose ORDER BY accesses DESC, purpose""",
    ),
    ReportName.HOURS: Report(
        title=Text(zh="一天中各小时的访问", en="Accesses by hour of the day"),
        statement="""
SELECT extract(hour FROM recorded_at) AS hour_of_day, {counts}
FROM audit.access_log WHERE {period} AND kind IN ('intent', 'denial', 'receipt') AND {asked}
GROUP BY extract(hour FROM recorded_at) ORDER BY hour_of_day""",
    ),
    ReportName.DENIALS: Report(
        title=Text(zh="拒绝与未受理", en="Denials and refusals"),
        statement="""
SELECT reasons, office, purpose, count(*) AS attempts, count(DISTINCT requester) AS requesters,
  max(recorded_at) AS last_attempt
FROM audit.access_log WHERE {period} AND kind IN ('denial', 'failure') AND {asked}
GROUP BY reasons, office, purpose ORDER BY attempts DESC, reasons""",
    ),
    ReportName.VOLUME: Report(
        title=Text(
            zh="异常用量：一日所得远超同一用途的通常水平",
            en="Unusual volume: on one day far more than is usual for the purpose",
        ),
        statement="""
WITH daily AS (
  SELECT requester, office, purpose, recorded_on, sum(row_count) AS delivered_rows
  FROM audit.access_log WHERE {period} AND kind = 'receipt' GROUP BY requester, office, purpose, recorded_on),
usual AS (SELECT purpose, median(delivered_rows) AS usual_rows FROM daily GROUP BY purpose)
SELECT d.requester, d.office, d.purpose, d.recorded_on, d.delivered_rows, u.usual_rows
FROM daily d JOIN usual u ON u.purpose = d.purpose
WHERE d.delivered_rows > {least} * u.usual_rows ORDER BY d.delivered_rows DESC""",
        least=10,
    ),
    ReportName.NIGHT: Report(
        title=Text(zh="夜间使用（22 时至 6 时）", en="Use at night, from 22:00 to 6:00"),
        statement="""
SELECT requester, office, purpose, {counts}, max(recorded_at) AS last_seen
FROM audit.access_log
WHERE {period} AND kind IN ('intent', 'denial', 'receipt') AND {asked}
  AND (extract(hour FROM recorded_at) >= 22 OR extract(hour FROM recorded_at) < 6)
GROUP BY requester, office, purpose HAVING count(*) >= {least} ORDER BY accesses DESC, requester""",
    ),
    ReportName.OUTSIDE: Report(
        title=Text(
            zh="疑似越出辖区：按人查询却一行也没有",
            en="Beyond one's jurisdiction, maybe: people were looked up whose rows were not there",
        ),
        statement="""
SELECT p.requester, p.office, p.purpose, count(DISTINCT p.entry_id) AS attempts, count(DISTINCT p.person) AS people,
  max(p.recorded_at) AS last_attempt
FROM audit.looked_up_person p JOIN audit.access_log e ON e.intent = p.entry_id
WHERE p.{period} AND p.kind = 'intent' AND e.{period} AND e.kind = 'receipt' AND e.row_count = 0
GROUP BY p.requester, p.office, p.purpose HAVING count(DISTINCT p.entry_id) >= {least} ORDER BY attempts DESC, requester""",
    ),
    ReportName.PEOPLE: Report(
        title=Text(zh="同一主体被多人查询", en="One person looked up by many"),
        statement="""
SELECT person, count(DISTINCT requester) AS requesters, count(DISTINCT office) AS offices,
  count(DISTINCT entry_id) AS accesses, min(recorded_at) AS first_time, max(recorded_at) AS last_time
FROM audit.looked_up_person WHERE {period}
GROUP BY person HAVING count(DISTINCT requester) >= {least} ORDER BY requesters DESC, accesses DESC""",
        least=3,
    ),
}
