"""What somebody gets of a column under a purpose, told before anything is asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from catalog.dataset import Bilingual, Text
from catalog.vocabulary import Mask
from sharing_stubs.sharing.catalog.v1 import catalog_pb2

Extent = Literal["clear", "masked", "counted", "lookup", "closed"]
_BADGES: Mapping[Extent, tuple[Text, str]] = {
    "clear": (Text(zh="原样", en="as it is"), "good"),
    "masked": (Text(zh="脱敏", en="masked"), "warn"),
    "counted": (Text(zh="仅统计", en="counted only"), "warn"),
    "lookup": (Text(zh="仅作查询键", en="look-up key"), ""),
    "closed": (Text(zh="不提供", en="not for you"), "bad"),
}
_LEFT: Mapping[Mask, str] = {
    Mask.NAME: "王**",
    Mask.RESIDENT_ID: "310101************",
    Mask.CREDIT_CODE: "91************0Y43",
    Mask.PHONE: "138****1234",
    Mask.ADDRESS: "上海市黄浦区南京东路**",
    Mask.ADDRESS_LANE: "上海市黄浦区南京东路20弄**",
    Mask.ADDRESS_COMMITTEE: "上海市黄浦区南京东路街道云南中路居委会**",
    Mask.DATE_MONTH: "1946-05-01",
    Mask.DATE_YEAR: "1946-01-01",
    Mask.AGE_BAND: "1945-01-01",
    Mask.BUCKET: "10",
    Mask.DIVISION_TOWNSHIP: "310101002000",
}
"""What a mask leaves, as an example."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Treated:
    """What somebody gets of a column under a purpose."""

    extent: Extent
    words: Bilingual
    """What is left of a value."""
    example: str = ""
    """Of what is left; empty where the words say it."""

    @property
    def title(self) -> Text:
        """The extent, as short as it goes."""
        return _BADGES[self.extent][0]

    @property
    def colour(self) -> str:
        """Of its badge."""
        return _BADGES[self.extent][1]


def treated(
    column: catalog_pb2.ColumnDescription, *, purpose: catalog_pb2.PurposeDescription, own: bool = False
) -> Treated:
    """Return what is left of a column under a purpose; of an `own` one its department is told more."""
    action, _, mask = column.treatments.get(purpose.id, "").partition(":")
    words: Bilingual = (
        column.treatment_texts[purpose.id] if purpose.id in column.treatment_texts else Text(zh=" ", en=" ")
    )
    match action:
        case "":
            return _closed(column, own=own)
        case "lookup":
            return Treated(extent="lookup", words=words)
        case "clear" | "generalise" | "partial" if purpose.aggregate_only and not column.groupable:
            counted = Text(zh="只求和、求平均或计数", en="summed, averaged or counted only")
            return Treated(extent="counted", words=counted)
        case "clear":
            return Treated(extent="clear", words=words)
        case "pseudonym" if purpose.aggregate_only:
            return Treated(extent="counted", words=Text(zh="只计数，不显示", en="counted only, never shown"))
    return Treated(extent="masked", words=words, example=_LEFT.get(Mask(mask), "") if mask else "")


def _closed(column: catalog_pb2.ColumnDescription, *, own: bool) -> Treated:
    if column.treatments:
        words = Text(
            zh="该用途用不到它，按最小必要原则不提供", en="the purpose does not need it, so it is not provided"
        )
    elif own:
        words = Text(zh="没有用途使用它，或已停止提供", en="no purpose uses it, or it is stopped")
    else:
        words = Text(zh="提供部门目前停止提供", en="its department has stopped providing it")
    return Treated(extent="closed", words=words)
