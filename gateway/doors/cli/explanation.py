"""How the command line shows what a query would get."""

from __future__ import annotations

import datetime
from collections.abc import Iterable

from catalog.dataset import Bilingual, Text
from gateway.doors.cli.show import Screen
from sharing_stubs.sharing.catalog.v1 import catalog_pb2

_SHANGHAI = datetime.timezone(datetime.timedelta(hours=8))


def show_explanation(screen: Screen, answer: catalog_pb2.ExplainQueryResponse) -> None:
    """Print an explanation on stdout."""
    style, verdict = (
        ("green", Text(zh="✓ 允许", en="✓ allowed")) if answer.allow else ("red", Text(zh="✗ 拒绝", en="✗ denied"))
    )
    screen.out.print(screen.words(verdict), style=style)
    for denial in answer.denials:
        screen.out.print(denial.code, style="bold red", markup=False)
        _paragraph(screen, Text(zh="原因", en="Reason"), denial.message)
        _paragraph(screen, Text(zh="依据", en="Legal basis"), denial.legal_basis)
        _paragraph(screen, Text(zh="办法", en="What to do"), denial.remedy)
    _show_cuts(screen, answer)
    if answer.HasField("obligations"):
        _show_obligations(screen, answer.obligations)
    if answer.HasField("quota"):
        _paragraph(screen, Text(zh="今日限额", en="Quota today"), quota_in_words(answer.quota))
    if answer.legal_basis:
        _paragraph(screen, Text(zh="用途依据", en="Legal basis of the purpose"), joined(answer.legal_basis))
    if answer.rules:
        screen.table(
            _heads(
                screen, Text(zh="规则", en="rule"), Text(zh="确认", en="establishes"), Text(zh="依据", en="legal basis")
            ),
            [(rule.id, screen.words(rule.title), screen.words(rule.legal_basis)) for rule in answer.rules],
        )
    screen.out.print(
        screen.words(Text(zh=f"策略版本 {answer.policy_revision}", en=f"policy {answer.policy_revision}")), markup=False
    )


def joined(texts: Iterable[Bilingual]) -> Text:
    """Return texts as one."""
    known = list(texts)
    return Text(zh="；".join(text.zh for text in known), en="; ".join(text.en for text in known))


def quota_in_words(quota: catalog_pb2.Quota) -> Text:
    """Return what is left of a quota today."""
    zh = f"还可取 {quota.rows_left:,} 行（每日 {quota.rows_per_day_max:,} 行）"
    en = f"{quota.rows_left:,} of {quota.rows_per_day_max:,} rows left"
    if quota.HasField("lookups_per_day_max"):
        zh += f"，还可核查 {quota.lookups_left:,} 次（每日 {quota.lookups_per_day_max:,} 次）"
        en += f", {quota.lookups_left:,} of {quota.lookups_per_day_max:,} look-ups left"
    return Text(zh=zh, en=en)


def _show_cuts(screen: Screen, answer: catalog_pb2.ExplainQueryResponse) -> None:
    if answer.columns:
        if not answer.allow:
            note = Text(zh="若无上述原因，各列将得到：", en="If nothing else stood against it, each column would be:")
            screen.out.print(screen.words(note), markup=False)
        heads = Text(zh="数据集", en="dataset"), Text(zh="列", en="column"), Text(zh="得到", en="you get")
        screen.table(
            _heads(screen, *heads, Text(zh="处理", en="treatment")),
            [
                (
                    cut.dataset,
                    cut.column,
                    screen.words(cut.text),
                    f"{cut.action}:{cut.mask}" if cut.mask else cut.action,
                )
                for cut in answer.columns
            ],
        )
    for rows in answer.rows:
        screen.out.print(f"{rows.dataset}: {screen.words(rows.text)}", markup=False)


def _show_obligations(screen: Screen, obligations: catalog_pb2.ResultObligations) -> None:
    onward = Text(zh="可以转给其他单位或个人", en="may be passed on") if obligations.onward_sharing else None
    onward = onward or Text(zh="不得转给其他单位或个人", en="must not be passed on")
    days, rows = obligations.retention_days, obligations.rows_max
    accepted = Text(
        zh=f"至多 {rows:,} 行，保存不超过 {days} 天，{onward.zh}",
        en=f"at most {rows:,} rows, kept for at most {days} days, {onward.en}",
    )
    _paragraph(screen, Text(zh="义务", en="Obligations"), accepted)
    grade = Text(
        zh=f"{obligations.grade_title.zh}（{obligations.grade}）",
        en=f"{obligations.grade_title.en} ({obligations.grade})",
    )
    _paragraph(screen, Text(zh="数据级别", en="Grade"), grade)
    if obligations.people_min:
        number = obligations.people_min
        least = Text(zh=f"每组至少 {number} 人", en=f"every group describes at least {number} people")
        _paragraph(screen, Text(zh="统计", en="Statistics"), least)
    for agreement in obligations.agreements:
        end = datetime.datetime.fromtimestamp(agreement.valid_until, _SHANGHAI).date().isoformat()
        _paragraph(
            screen,
            Text(zh="协议", en="Agreement"),
            Text(
                zh=f"{agreement.id}，{agreement.controller.zh}，{end} 止",
                en=f"{agreement.id}, {agreement.controller.en}, until {end}",
            ),
        )
    if obligations.emergency:
        ends = Text(
            zh=f"{obligations.emergency}，结束后须销毁结果",
            en=f"{obligations.emergency}; destroy the result when it ends",
        )
        _paragraph(screen, Text(zh="应急状态", en="Emergency"), ends)


def _heads(screen: Screen, *heads: Text) -> tuple[str, ...]:
    return tuple(screen.words(head) for head in heads)


def _paragraph(screen: Screen, label: Bilingual, text: Bilingual) -> None:
    screen.indented(screen.words(label), screen.words(text))
