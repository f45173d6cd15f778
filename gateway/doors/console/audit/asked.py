"""What somebody asked of the access log, as its entry holds it, in words."""

from __future__ import annotations

import datetime
import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from catalog.dataset import Bilingual, Text
from gateway.doors.console.audit.filters import TITLES
from gateway.doors.console.audit.titles import Titles
from gateway.doors.console.audit.words import KINDS, OUTCOMES
from gateway.doors.console.visit import CITY_TIME, plural, when

_ASKED: Mapping[str, Text] = {
    **TITLES,
    "reason": Text(zh="理由", en="Reason"),
    "entry_id": Text(zh="条目编号", en="Entry id"),
    "sha256": Text(zh="样本 SHA-256", en="SHA-256 of the sample"),
}
_NUMBERS: Mapping[str, Callable[[int], Text]] = {
    "entries_max": lambda most: Text(zh=f"至多 {most:,} 条", en=f"at most {plural(most, 'entry', 'entries')}"),
    "groups_max": lambda most: Text(zh=f"至多 {most:,} 组", en=f"at most {plural(most, 'group')}"),
    "before_sequence": lambda entry: Text(zh=f"第 {entry} 条之前", en=f"before entry {entry}"),
    "old_size": lambda size: Text(
        zh=f"接续 {size:,} 条的检查点", en=f"since a checkpoint of {plural(size, 'entry', 'entries')}"
    ),
    "texts": lambda texts: Text(zh=f"{texts:,} 处文字", en=plural(texts, "text")),
}
_SWITCHES: Mapping[str, Text] = {
    "for_data_subject": Text(zh="供本人查阅的版本", en="the version for the data subject"),
    "by_active_policy": Text(zh="按现行策略", en="by today's policy"),
}
_GROUPED_BY: Mapping[str, Text] = {
    **TITLES,
    "day": Text(zh="日期", en="Day"),
    "hour": Text(zh="小时", en="Hour"),
    "reason": Text(zh="原因", en="Reason"),
    "total": Text(zh="总数", en="total"),
}


def words_of(filters: Mapping[str, Any], *, titles: Titles) -> Text:
    """Return in words what was asked.

    Args:
        filters: As the entry holds them.
        titles: Of offices, purposes and datasets.
    """
    told = [*_period(filters), *(text for name, value in filters.items() for text in _told(name, value, titles=titles))]
    return Text(zh="；".join(text.zh for text in told), en="; ".join(text.en for text in told))


def _period(filters: Mapping[str, Any]) -> Iterator[Text]:
    first, end = filters.get("from_time"), filters.get("until_time")
    if first and end:
        yield Text(zh=f"时段 {_begin(first)} 至 {_end(end)}", en=f"from {_begin(first)} until {_end(end)}")
    elif first:
        yield Text(zh=f"{_begin(first)} 起", en=f"from {_begin(first)}")
    elif end:
        yield Text(zh=f"至 {_end(end)}", en=f"until {_end(end)}")


def _begin(seconds: int) -> str:
    """Return the day that begins then in the city, or the moment."""
    midnight = _midnight(seconds)
    return str(midnight) if midnight else _moment(seconds)


def _end(seconds: int) -> str:
    """Return the day that ends then in the city, or the moment."""
    midnight = _midnight(seconds)
    return str(midnight - datetime.timedelta(days=1)) if midnight else _moment(seconds)


def _midnight(seconds: int) -> datetime.date | None:
    try:
        at = datetime.datetime.fromtimestamp(seconds, CITY_TIME)
    except (OverflowError, ValueError, OSError):  # any number may have been asked for
        return None
    return at.date() if at.time() == datetime.time() else None


def _moment(seconds: int) -> str:
    try:
        return when(seconds)
    except (OverflowError, ValueError, OSError):
        return str(seconds)


def _told(name: str, value: object, *, titles: Titles) -> Iterator[Text]:
    if name in ("from_time", "until_time") or (name in _SWITCHES and not value):
        return
    if name in _SWITCHES:
        yield _SWITCHES[name]
    elif name in _NUMBERS and isinstance(value, int):
        yield _NUMBERS[name](value)
    elif name == "groupings":
        by = [_GROUPED_BY.get(one) or Text(zh=one, en=one) for one in re.split("[;,] ", str(value))]
        zh, en = "、".join(text.zh for text in by), ", ".join(text.en.lower() for text in by)
        yield Text(zh=f"按{zh}计数", en=f"counted by {en}")
    else:
        title, said = _ASKED.get(name) or Text(zh=name, en=name), _value(name, value, titles=titles)
        yield Text(zh=f"{title.zh}：{said.zh}", en=f"{title.en}: {said.en}")


def _value(name: str, value: object, *, titles: Titles) -> Bilingual:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)
    known: Mapping[str, Text] = {"kind": KINDS, "outcome": OUTCOMES}.get(name, {})
    return known.get(text) or titles.get((name, text)) or Text(zh=text, en=text)
