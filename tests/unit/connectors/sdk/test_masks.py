"""Treatments: type kept, nulls kept, idempotent, and nothing of a malformed value passes."""

from __future__ import annotations

import datetime
import hmac
import os
import re
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from catalog.vocabulary import MASKS_OF_ACTION, ColumnAction, Mask
from connectors.sdk.masks import is_treated, supports, treat

EXAMPLES_MAX = 1_000 if os.environ.get("SOAK") else 250
KEY = bytes(range(32))
BUCKETS = (0, 10, 50)
DATE_MASKS = [Mask.DATE_MONTH, Mask.DATE_YEAR, Mask.AGE_BAND]
TEXT_MASKS = [
    (action, mask)
    for action, masks in MASKS_OF_ACTION.items()
    for mask in sorted(masks)
    if mask not in {*DATE_MASKS, Mask.BUCKET}
]
ADDRESS_MASKS = [Mask.ADDRESS_COMMITTEE, Mask.ADDRESS, Mask.ADDRESS_LANE]
"""From strict to mild."""
ACTION_OF = {mask: action for action, masks in MASKS_OF_ACTION.items() for mask in masks}


def masked(values: list[Any], mask: Mask, arrow_type: pa.DataType | None = None) -> list[Any]:
    array = pa.array(values, arrow_type or pa.string())
    treated = treat(array, action=ACTION_OF[mask], mask=mask, pseudonym_key=b"")
    assert treated.type == array.type
    treated.validate(full=True)
    return treated.to_pylist()


@pytest.mark.parametrize(
    ("mask", "value", "expected"),
    [
        (Mask.NAME, "王小明", "王**"),
        (Mask.NAME, "王明", "王*"),
        (Mask.NAME, "欧阳修", "欧阳*"),
        (Mask.NAME, "司马相如", "司马**"),
        (Mask.NAME, "欧阳", "欧*"),
        (Mask.NAME, "王", "**"),
        (Mask.NAME, "", "**"),
        (Mask.NAME, "阿卜杜拉·买买提", "阿*******"),
        (Mask.NAME, "John Smith", "**"),
        (Mask.NAME, "\u200b王小明", "**"),
        (Mask.NAME, "王\n小明", "王***"),
        (Mask.RESIDENT_ID, "11010519491231002X", "110105************"),
        (Mask.RESIDENT_ID, "11010519491231002x", "110105************"),
        (Mask.RESIDENT_ID, "110105491231002", "*" * 18),
        (Mask.RESIDENT_ID, "11010519491231002X ", "*" * 18),
        (Mask.RESIDENT_ID, "１１０１０５１９４９１２３１００２X", "*" * 18),
        (Mask.RESIDENT_ID, "110105***********1", "*" * 18),
        (Mask.CREDIT_CODE, "91350100M000100Y43", "91************0Y43"),
        (Mask.CREDIT_CODE, "91350100M000100Y4", "*" * 18),
        (Mask.PHONE, "13812345678", "138****5678"),
        (Mask.PHONE, "+8613812345678", "*" * 11),
        (Mask.PHONE, "021-12345678", "*" * 11),
        (Mask.PHONE, "12812345678", "*" * 11),
        (Mask.PHONE, "138****567", "*" * 11),
        (Mask.ADDRESS, "上海市黄浦区南京东路123号4楼501室", "上海市黄浦区南京东路**"),
        (Mask.ADDRESS, "上海市徐汇区龙华街道龙华路20弄3号", "上海市徐汇区龙华街道龙华路**"),
        (Mask.ADDRESS, "上海市黄浦区南京东路街道南京东路123号", "上海市黄浦区南京东路街道南京东路**"),
        (Mask.ADDRESS, "上海市黄浦区半淞园路街道某小区3号", "上海市黄浦区半淞园路街道**"),
        (Mask.ADDRESS, "路1号", "**"),
        (Mask.ADDRESS, "南京路\n123号", "南京路**"),
        (Mask.ADDRESS, "南京路**12号", "南京路**"),
        (Mask.ADDRESS, "上海市浦东新区世纪大道100号", "上海市浦东新区世纪大道**"),
        (Mask.ADDRESS, "沪南公路2000号", "沪南公路**"),
        (Mask.ADDRESS, "曹杨新村12号", "曹杨新村**"),
        (Mask.ADDRESS, "3号楼502室幸福路", "**"),
        (Mask.ADDRESS, "五号楼幸福路1号", "**"),
        (Mask.ADDRESS, "某小区", "**"),
        (Mask.ADDRESS, "王小明**", "**"),
        (Mask.ADDRESS, "12 Nanjing Road", "**"),
        (Mask.ADDRESS, "上海市嘉定区南翔镇", "上海市嘉定区南翔镇**"),
        (Mask.ADDRESS, "上海市黄浦区123号", "上海市黄浦区**"),
        (Mask.ADDRESS, "上海市嘉定区南翔镇永丰村村委会12号", "上海市嘉定区南翔镇永丰村村委会**"),
        (Mask.ADDRESS_LANE, "上海市黄浦区南京东路123弄4号501室", "上海市黄浦区南京东路123弄**"),
        (Mask.ADDRESS_LANE, "上海市黄浦区南京东路123弄5支弄4号", "上海市黄浦区南京东路123弄5支弄**"),
        (Mask.ADDRESS_LANE, "上海市黄浦区南京东路十二弄4号", "上海市黄浦区南京东路十二弄**"),
        (Mask.ADDRESS_LANE, "上海市黄浦区会乐里弄12巷3号", "上海市黄浦区会乐里弄12巷**"),
        (Mask.ADDRESS_LANE, "上海市黄浦区南京东路123号4室", "上海市黄浦区南京东路**"),
        (Mask.ADDRESS_LANE, "上海市黄浦区南京东路1234567弄", "上海市黄浦区南京东路**"),
        (Mask.ADDRESS_LANE, "上海市黄浦区123弄4号", "上海市黄浦区**"),
        (Mask.ADDRESS_LANE, "123弄4号", "**"),
        (Mask.ADDRESS_COMMITTEE, "上海市黄浦区南京东路123弄4号501室", "上海市黄浦区**"),
        (Mask.ADDRESS_COMMITTEE, "上海市黄浦区南京东路街道南京东路1号", "上海市黄浦区南京东路街道**"),
        (
            Mask.ADDRESS_COMMITTEE,
            "上海市黄浦区南京东路街道云中居委会南京东路1号",
            "上海市黄浦区南京东路街道云中居委会**",
        ),
        (Mask.ADDRESS_COMMITTEE, "曹杨新村街道梅岭园居民委员会", "曹杨新村街道梅岭园居民委员会**"),
        (Mask.ADDRESS_COMMITTEE, "上海市嘉定区南翔镇永丰村村民委员会", "上海市嘉定区南翔镇永丰村村民委员会**"),
        (Mask.ADDRESS_COMMITTEE, "上海市浦东新区张江镇", "上海市浦东新区张江镇**"),
        (Mask.ADDRESS_COMMITTEE, "上海市普陀区新镇路1号", "上海市普陀区**"),
        (Mask.ADDRESS_COMMITTEE, "上海市崇明县新村乡1号", "上海市崇明县新村乡**"),
        (Mask.ADDRESS_COMMITTEE, "上海市幸福小区3号", "**"),
        (Mask.ADDRESS_COMMITTEE, "幸福小区黄浦区3号", "**"),
        (Mask.ADDRESS_COMMITTEE, "南京东路1号云中居委会", "**"),
        (Mask.DIVISION_TOWNSHIP, "310101002003", "310101002000"),
        (Mask.DIVISION_TOWNSHIP, "310101002", "000000000000"),
    ],
)
def test_a_value_becomes_its_masked_form(mask: Mask, value: str, expected: str) -> None:
    """One row per rule of each mask; null stays null beside it."""
    assert masked([value, None], mask) == [expected, None]


@pytest.mark.parametrize(
    ("mask", "value", "expected"),
    [
        (Mask.DATE_MONTH, datetime.date(2024, 2, 29), datetime.date(2024, 2, 1)),
        (Mask.DATE_YEAR, datetime.date(1969, 12, 31), datetime.date(1969, 1, 1)),
        (Mask.DATE_YEAR, datetime.date(9999, 12, 31), datetime.date(9999, 1, 1)),
        (Mask.DATE_MONTH, 2**31 - 1, datetime.date(1, 1, 1)),
        (Mask.DATE_MONTH, -(2**31), datetime.date(1, 1, 1)),
        (Mask.AGE_BAND, datetime.date(1949, 10, 1), datetime.date(1945, 1, 1)),
        (Mask.AGE_BAND, datetime.date(1970, 1, 1), datetime.date(1970, 1, 1)),
        (Mask.AGE_BAND, datetime.date(1969, 12, 31), datetime.date(1965, 1, 1)),
        (Mask.AGE_BAND, datetime.date(4, 12, 31), datetime.date(1, 1, 1)),
        (Mask.AGE_BAND, datetime.date(9999, 12, 31), datetime.date(9995, 1, 1)),
        (Mask.AGE_BAND, 2**31 - 1, datetime.date(1, 1, 1)),
    ],
)
def test_a_date_becomes_its_first_day(mask: Mask, value: Any, expected: datetime.date) -> None:
    """Also before 1970; a day outside the calendar becomes the first day of year 1."""
    days = value if isinstance(value, int) else (value - datetime.date(1970, 1, 1)).days
    array = pa.array([days, None], pa.int32()).cast(pa.date32())
    treated = treat(array, action=ColumnAction.GENERALISE, mask=mask, pseudonym_key=b"")
    assert (treated.type, treated.to_pylist()) == (pa.date32(), [expected, None])


@settings(deadline=None, derandomize=True)
@given(
    micros=st.lists(st.integers(-(2**63), 2**63 - 1) | st.none()),
    mask=st.sampled_from(DATE_MASKS),
)
@example(micros=[-62135596800000001, -62135596800000000, -(2**63), 2**63 - 1], mask=Mask.DATE_YEAR)
@example(micros=[-62135596800000000, None, 0], mask=Mask.AGE_BAND)
def test_instants_are_truncated_whatever_they_are(micros: list[int | None], mask: Mask) -> None:
    """Every possible instant becomes the first of a month in the years 1 to 9999."""
    array = pa.array(micros, pa.int64()).cast(pa.timestamp("us", tz="UTC"))
    treated = treat(array, action=ColumnAction.GENERALISE, mask=mask, pseudonym_key=b"")
    assert [value is None for value in treated.to_pylist()] == [value is None for value in micros]
    assert all((value.day, value.hour, value.microsecond) == (1, 0, 0) for value in treated.to_pylist() if value)
    assert is_treated(treated, action=ColumnAction.GENERALISE, mask=mask)


@settings(deadline=None, derandomize=True)
@given(
    values=st.lists(st.integers(-(2**15), 2**15 - 1) | st.none()),
    arrow_type=st.sampled_from([pa.int16(), pa.int32(), pa.int64()]),
)
@example(values=[-1, 0, 9, 10, 49, 50, 2**15 - 1, None], arrow_type=pa.int16())
def test_a_number_becomes_the_lower_bound_of_its_bucket(values: list[int | None], arrow_type: pa.DataType) -> None:
    """The largest bound that is not above the number; below all of them the first."""
    array = pa.array(values, arrow_type)
    treatment = {"action": ColumnAction.GENERALISE, "mask": Mask.BUCKET, "buckets": BUCKETS}
    once = treat(array, pseudonym_key=b"", **treatment)
    below = [v if v is None else max((bound for bound in BUCKETS if bound <= v), default=BUCKETS[0]) for v in values]
    assert (once.type, once.to_pylist()) == (arrow_type, below)
    assert treat(once, pseudonym_key=b"", **treatment).equals(once)
    assert is_treated(once, **treatment)
    assert is_treated(array, **treatment) == (values == below)


def test_buckets_are_for_whole_numbers() -> None:
    """Other columns have none, whatever the catalogue says."""
    for arrow_type in (pa.string(), pa.float64(), pa.date32(), pa.bool_()):
        assert not supports(arrow_type, action=ColumnAction.GENERALISE, mask=Mask.BUCKET, buckets=BUCKETS)


@settings(deadline=None, derandomize=True)
@given(days=st.lists(st.integers(-(2**31), 2**31 - 1) | st.none()), mask=st.sampled_from(DATE_MASKS))
def test_a_masked_date_is_recognised(days: list[int | None], mask: Mask) -> None:
    """Truncating twice changes nothing, and a date is recognised only if truncating keeps it."""
    array = pa.array(days, pa.int32()).cast(pa.date32())
    once = treat(array, action=ColumnAction.GENERALISE, mask=mask, pseudonym_key=b"")
    assert treat(once, action=ColumnAction.GENERALISE, mask=mask, pseudonym_key=b"").equals(once)
    assert is_treated(once, action=ColumnAction.GENERALISE, mask=mask)
    assert is_treated(array, action=ColumnAction.GENERALISE, mask=mask) == array.equals(once)


_SHAPED = st.text(alphabet="0123456789X*xA王欧阳小明路街道弄号室 \n\u200b·", max_size=20) | st.from_regex(
    r"\A(\*{1,19}|[0-9]{2,9}(\*{4}|\*{12}|000)[0-9]{0,4}|(王|欧阳|司马|路|南京路|龙华街道|南京路街道|曹杨新村)\*{0,42})\Z"
)
_ANY = st.text(alphabet=st.characters(codec="utf-8"), max_size=24)
_WORDS = (
    "上海市",
    "黄浦区",
    "崇明县",
    "小区",
    "南京",
    "云中",
    "永丰",
    "街道",
    "镇",
    "乡",
    "居委会",
    "村民委员会",
    "一",
    "十二",
)
_ADDRESS = st.lists(st.sampled_from((*_WORDS, *"路街道弄村巷号室楼层支*1234567890区县居委会 ９")), max_size=10).map(
    "".join
)


@settings(deadline=None, derandomize=True, max_examples=EXAMPLES_MAX)
@given(values=st.lists(_SHAPED | _ADDRESS | _ANY | st.none(), max_size=8), treatment=st.sampled_from(TEXT_MASKS))
def test_a_mask_is_idempotent_and_recognised(values: list[str | None], treatment: tuple[ColumnAction, Mask]) -> None:
    """Masking twice changes nothing; what was masked is recognised; a value is recognised only if masking keeps it."""
    action, mask = treatment
    raw = pa.array(values, pa.string())
    once = treat(raw, action=action, mask=mask, pseudonym_key=b"")
    assert [value is None for value in once.to_pylist()] == [value is None for value in values]
    assert treat(once, action=action, mask=mask, pseudonym_key=b"").equals(once)
    assert is_treated(once, action=action, mask=mask)
    assert is_treated(raw, action=action, mask=mask) == raw.equals(once)


@settings(deadline=None, derandomize=True, max_examples=300)
@given(value=_SHAPED | _ANY)
def test_at_most_the_agreed_part_survives(value: str) -> None:
    """What a mask shows of any text is no more than its rule: a surname, six digits, a road."""
    name = masked([value], Mask.NAME)[0]
    assert name.rstrip("*") in {value[:1], value[:2], ""}
    assert len(name.rstrip("*")) < max(len(value), 1)
    resident = masked([value], Mask.RESIDENT_ID)[0]
    assert (len(resident), resident[6:]) == (18, "*" * 12)
    phone = masked([value], Mask.PHONE)[0]
    assert (len(phone), phone[3:7]) == (11, "****")


@settings(deadline=None, derandomize=True, max_examples=EXAMPLES_MAX)
@given(value=_ADDRESS | _SHAPED | _ANY)
def test_address_masks_are_ordered(value: str) -> None:
    """Each shows a beginning of what the next one shows: committee, road, lane; only a lane keeps its number."""
    committee, road, lane = (masked([value], mask)[0] for mask in ADDRESS_MASKS)
    assert all(shown.endswith("**") for shown in (committee, road, lane))
    assert value.startswith(lane.removesuffix("**"))
    assert lane.removesuffix("**").startswith(road.removesuffix("**"))
    assert road.removesuffix("**").startswith(committee.removesuffix("**"))
    assert not any(character in "号室楼层 \u200b９X" for character in lane)
    assert not any(character.isdigit() for character in road)
    assert re.fullmatch(
        r"(.*[路街道弄村巷会](?:[0-9一二三四五六七八九十百]{1,6}支?[弄巷]){0,2}|.*[区县镇乡道会]|)\*\*", lane
    )
    assert re.fullmatch(r"(.*([区县镇乡会]|街道))?\*\*", committee)


def test_a_slice_is_masked_like_the_whole() -> None:
    """Offsets of sliced arrays are honoured."""
    whole = pa.array(["王小明", None, "欧阳修", "李四"])
    for action, mask in ((ColumnAction.PARTIAL, Mask.NAME), (ColumnAction.PSEUDONYM, None)):
        treated = treat(whole, action=action, mask=mask, pseudonym_key=KEY)
        assert (
            treat(whole.slice(1, 2), action=action, mask=mask, pseudonym_key=KEY).to_pylist()
            == treated.to_pylist()[1:3]
        )


def test_a_pseudonym_is_the_hmac_of_the_value() -> None:
    """32 hex characters of HMAC-SHA-256: the same in every department, so that joins match, and another under another key."""
    values = ["王小明", "", "11010519491231002X", None, "王小明"]
    treated = treat(pa.array(values), action=ColumnAction.PSEUDONYM, mask=None, pseudonym_key=KEY).to_pylist()
    assert treated == [v if v is None else hmac.digest(KEY, v.encode("utf-8"), "sha256").hex()[:32] for v in values]
    other = treat(pa.array(values), action=ColumnAction.PSEUDONYM, mask=None, pseudonym_key=bytes(32)).to_pylist()
    assert not (set(treated) & set(other)) - {None}


@pytest.mark.parametrize("key", [b"", b"short", bytes(65)])
def test_pseudonyms_need_a_key(key: bytes) -> None:
    """Without a secret the values could be guessed back."""
    with pytest.raises(ValueError, match="pseudonym key"):
        treat(pa.array(["a"]), action=ColumnAction.PSEUDONYM, mask=None, pseudonym_key=key)


@pytest.mark.parametrize("values", [["王小明"], ["A" * 32], ["a" * 31], ["a" * 32 + "\n"], ["g" * 32]])
def test_other_text_is_no_pseudonym(values: list[str]) -> None:
    """Only 32 lower-case hex characters are."""
    assert not is_treated(pa.array(values), action=ColumnAction.PSEUDONYM, mask=None)


@pytest.mark.parametrize(
    "values",
    [pa.array([1, None], pa.int16()), pa.array(["a"]), pa.array([True]), pa.array([1.5]), pa.array([], pa.date32())],
)
def test_null_hides_everything_and_clear_nothing(values: pa.Array) -> None:
    """Both keep type and length."""
    hidden = treat(values, action=ColumnAction.NULL, mask=None, pseudonym_key=b"")
    assert (hidden.type, len(hidden), hidden.null_count) == (values.type, len(values), len(values))
    assert is_treated(hidden, action=ColumnAction.NULL, mask=None)
    assert is_treated(values, action=ColumnAction.NULL, mask=None) == (len(values) == values.null_count)
    assert treat(values, action=ColumnAction.CLEAR, mask=None, pseudonym_key=b"").equals(values)
    assert is_treated(values, action=ColumnAction.CLEAR, mask=None)


@pytest.mark.parametrize(
    ("action", "mask", "arrow_type"),
    [
        (ColumnAction.DENY, None, pa.string()),
        (ColumnAction.LOOKUP, None, pa.string()),
        (ColumnAction.PARTIAL, None, pa.string()),
        (ColumnAction.PARTIAL, Mask.DATE_YEAR, pa.date32()),
        (ColumnAction.GENERALISE, Mask.NAME, pa.string()),
        (ColumnAction.PARTIAL, Mask.NAME, pa.int64()),
        (ColumnAction.GENERALISE, Mask.DATE_YEAR, pa.string()),
        (ColumnAction.PSEUDONYM, None, pa.int64()),
        (ColumnAction.PSEUDONYM, Mask.NAME, pa.string()),
        (ColumnAction.CLEAR, Mask.NAME, pa.string()),
        (ColumnAction.NULL, Mask.NAME, pa.string()),
        (ColumnAction.GENERALISE, Mask.AGE_BAND, pa.int32()),
        (ColumnAction.GENERALISE, Mask.BUCKET, pa.int32()),
        (ColumnAction.PARTIAL, Mask.ADDRESS_LANE, pa.binary()),
    ],
)
def test_a_treatment_that_does_not_fit_is_refused(
    action: ColumnAction, mask: Mask | None, arrow_type: pa.DataType
) -> None:
    """Nothing is released by a treatment that cannot be done."""
    assert not supports(arrow_type, action=action, mask=mask)
    with pytest.raises(ValueError, match="cannot be treated"):
        treat(pa.array([], arrow_type), action=action, mask=mask, pseudonym_key=KEY)
    with pytest.raises(ValueError, match="cannot be treated"):
        is_treated(pa.array([], arrow_type), action=action, mask=mask)
