"""Words of the pages on which somebody asks for data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from catalog.dataset import Text
from gateway.doors.console.asking.picks import Condition, Kind, Measure, kind_of
from sharing_stubs.sharing.catalog.v1 import catalog_pb2

CONDITIONS: Mapping[Condition, Text] = {
    Condition.EQUALS: Text(zh="等于", en="is"),
    Condition.DIFFERS: Text(zh="不等于", en="is not"),
    Condition.ONE_OF: Text(zh="是其中之一", en="is one of"),
    Condition.AT_LEAST: Text(zh="大于或等于", en="is at least"),
    Condition.AT_MOST: Text(zh="小于或等于", en="is at most"),
    Condition.BEGINS: Text(zh="开头是", en="begins with"),
    Condition.CONTAINS: Text(zh="包含", en="contains"),
    Condition.YEARS_AT_LEAST: Text(zh="距今满（年）", en="is at least so many years ago"),
    Condition.YEARS_LESS: Text(zh="距今不满（年）", en="is less than so many years ago"),
    Condition.MISSING: Text(zh="没有填写", en="is empty"),
    Condition.PRESENT: Text(zh="已填写", en="is not empty"),
}
_OF_BIRTH: Mapping[Condition, Text] = {
    Condition.YEARS_AT_LEAST: Text(zh="年满（周岁）", en="is at least so many years old"),
    Condition.YEARS_LESS: Text(zh="不满（周岁）", en="is less than so many years old"),
}
_OF_DAYS: Mapping[Condition, Text] = {
    Condition.AT_LEAST: Text(zh="不早于", en="is on or after"),
    Condition.AT_MOST: Text(zh="不晚于", en="is on or before"),
}
MEASURES: Mapping[Measure, Text] = {
    Measure.ROWS: Text(zh="数量", en="Number"),
    Measure.DISTINCT: Text(zh="去重计数", en="distinct number"),
    Measure.SUM: Text(zh="合计", en="sum"),
    Measure.AVERAGE: Text(zh="平均", en="average"),
}
CYCLES: Mapping[str, Text] = {
    "real_time": Text(zh="实时", en="real time"),
    "daily": Text(zh="每日", en="daily"),
    "weekly": Text(zh="每周", en="weekly"),
    "monthly": Text(zh="每月", en="monthly"),
    "quarterly": Text(zh="每季度", en="quarterly"),
    "half_yearly": Text(zh="每半年", en="half-yearly"),
    "yearly": Text(zh="每年", en="yearly"),
    "irregular": Text(zh="不定期", en="irregularly"),
}
CLASSES: Mapping[str, Text] = {
    "unconditional": Text(zh="无条件共享", en="shared without conditions"),
    "conditional": Text(zh="有条件共享", en="shared on conditions"),
    "not_shared": Text(zh="不予共享", en="not shared"),
}
KINDS: Mapping[Kind, Text] = {
    Kind.TEXT: Text(zh="文字", en="text"),
    Kind.NUMBER: Text(zh="数字", en="number"),
    Kind.DATE: Text(zh="日期", en="date"),
    Kind.MOMENT: Text(zh="时间", en="time"),
    Kind.TRUTH: Text(zh="是/否", en="yes/no"),
}
GRADES: Mapping[str, Text] = {
    "general-1": Text(zh="一般数据1级", en="General data, level 1"),
    "general-2": Text(zh="一般数据2级", en="General data, level 2"),
    "general-3": Text(zh="一般数据3级", en="General data, level 3"),
    "general-4": Text(zh="一般数据4级", en="General data, level 4"),
    "important": Text(zh="重要数据", en="Important data"),
    "core": Text(zh="核心数据", en="Core data"),
}


def type_words(type_: str) -> Text:
    """Return what sort of values a column of the catalogue holds."""
    return KINDS[kind_of(type_)]


def condition(of: Condition, *, kind: Kind, column: str, division: bool = False) -> Text:
    """Return a condition in the words of what it bounds."""
    if division and of is Condition.BEGINS:
        return Text(zh="属于", en="lies in")
    if kind in (Kind.DATE, Kind.MOMENT):
        birth = _OF_BIRTH.get(of) if "birth" in column else None
        return birth or _OF_DAYS.get(of) or CONDITIONS[of]
    return CONDITIONS[of]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hindrance:
    """Why a purpose cannot be used now."""

    message: Text
    remedy: Text
    page: str = ""
    """Where a need is filed that removes it; empty when none does."""


def why_not(purpose: catalog_pb2.PurposeDescription) -> Hindrance | None:
    """Return why a purpose cannot be used now, and what to do next; None when it can."""
    if purpose.emergency_required and not purpose.emergency:
        return Hindrance(
            message=Text(zh="本辖区没有正在生效的应急状态。", en="No emergency is in force in your area."),
            remedy=Text(
                zh="日常工作请选用其他用途；确需使用的，请单位负责人提请依法宣布应急状态。",
                en="For everyday work choose another purpose; else the head of the office asks for one to be declared.",
            ),
        )
    if purpose.quota.rows_left == 0:
        return Hindrance(
            message=Text(zh="今天的行数限额已用完。", en="Today's rows are used up."),
            remedy=Text(zh="请明天再查，或缩小范围。", en="Ask again tomorrow, or for less."),
        )
    if purpose.quota.HasField("lookups_left") and purpose.quota.lookups_left == 0:
        return Hindrance(
            message=Text(zh="今天逐个查询的次数已用完。", en="Today's look-ups are used up."),
            remedy=Text(zh="请明天再查。", en="Ask again tomorrow."),
        )
    missing = [state for state in purpose.agreements if not state.agreement]
    if missing and len(missing) == len(purpose.datasets):
        zh = "、".join(dict.fromkeys(state.controller.zh for state in missing))
        en = ", ".join(dict.fromkeys(state.controller.en for state in missing))
        return Hindrance(
            message=Text(
                zh="提供部门尚未同意提供数据。", en="The departments have not agreed to provide the data yet."
            ),
            remedy=Text(
                zh=f"请在“数据需求”中向{zh}提出需求；同意后即可查询。",
                en=f"File a need to {en} under Data needs; you may query once it is accepted.",
            ),
            page=f"/needs/new?purpose={purpose.id}",
        )
    if not purpose.datasets:
        return Hindrance(
            message=Text(zh="目前没有向您开放的数据集。", en="It opens no dataset to you at present."),
            remedy=Text(zh="请在“数据需求”中提出需求。", en="File a need under Data needs."),
            page=f"/needs/new?purpose={purpose.id}",
        )
    return None
