"""Treatments of column values: what `null`, `pseudonym`, `partial` and `generalise` do.

Every treatment keeps the Arrow type and nulls, is idempotent, and turns a value that does not have the expected form
into one fixed, fully masked form. Masks and pseudonyms are de-identification, not anonymisation (PIPL 73).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from functools import partial

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from catalog.vocabulary import MASKS_OF_ACTION, ColumnAction, Mask
from connectors.sdk.calendar_range import calendar_range

# fmt: off
COMPOUND_SURNAMES = (
    "欧阳", "太史", "端木", "上官", "司马", "东方", "独孤", "南宫", "万俟", "闻人", "夏侯", "诸葛",
    "尉迟", "公羊", "赫连", "澹台", "皇甫", "宗政", "濮阳", "公冶", "太叔", "申屠", "公孙", "慕容",
    "仲孙", "钟离", "长孙", "宇文", "司徒", "鲜于", "司空", "闾丘", "子车", "亓官", "司寇", "巫马",
    "公西", "颛孙", "壤驷", "公良", "漆雕", "乐正", "宰父", "谷梁", "拓跋", "夹谷", "轩辕", "令狐",
    "段干", "百里", "呼延", "东郭", "南门", "羊舌", "微生", "梁丘", "左丘", "东门", "西门", "第五",
    "公仪", "公乘", "太仲",
)
# fmt: on
"""Surnames of two characters: 百家姓 and those still found in the register."""

_ROADS = "路街道弄村巷"
_HOUSES = "号號室楼樓幢栋棟座层層"
"""Words for house numbers, buildings, storeys and rooms."""
_NO_HAN = r"\u0000-\u4dff\ua000-\U0010ffff"
_NAME = rf"[^{_ROADS}{_HOUSES}{_NO_HAN}]"
"""Han characters (U+4E00 to U+9FFF) but those words and `_ROADS`."""
_SEAT = rf"[^{_ROADS}{_HOUSES}{_NO_HAN}区]"
_DISTRICT = rf"(?:{_SEAT}+?(?:(?<![小社园])区|县))"
"""小区, 社区 and 园区 are no districts."""
_TOWNSHIP = rf"(?:{_SEAT}+?[{_ROADS}]?(?:街道|[镇乡](?![{_ROADS}])))"
"""街道 is a street office, whose name may itself hold a road's."""
_COMMITTEE = rf"(?:[^弄巷{_HOUSES}{_NO_HAN}]+?[居村](?:委|民委员)会)"
_ROAD = rf"{_NAME}+[{_ROADS}]"
_LANE = r"[0-9一二三四五六七八九十百]{1,6}支?[弄巷]"
_ADMINISTRATION = f"{_DISTRICT}?{_TOWNSHIP}?{_COMMITTEE}?"
_ADDRESSES: Mapping[Mask, re.Pattern[str]] = {
    Mask.ADDRESS_COMMITTEE: re.compile(_ADMINISTRATION),
    Mask.ADDRESS: re.compile(f"{_ADMINISTRATION}(?:{_ROAD})?"),
    Mask.ADDRESS_LANE: re.compile(f"{_ADMINISTRATION}(?:{_ROAD}(?:{_LANE}){{0,2}})?"),
}
"""What is kept of an address, from strict to mild: each pattern takes at least what the one before it takes."""
_BEHIND_PLACES = r"[0-9]*[\x{0}-\x{2F}\x{3A}-\x{4DFF}\x{A000}-\x{10FFFF}" + _HOUSES + "]"
"""RE2: where no pattern of `_ADDRESSES` goes on, with the number before it."""
_BLOCK_BYTES = 64


def supports(
    arrow_type: pa.DataType, *, action: ColumnAction, mask: Mask | None, buckets: tuple[int, ...] = ()
) -> bool:
    """Tell whether a column of `arrow_type` can be treated so. `deny` and `lookup` release no values: never.

    Args:
        arrow_type: Type of the column.
        action: As in `treat`, like `mask` and `buckets`.
        mask: Name of the mask.
        buckets: Lower bounds of the column's buckets.
    """
    match action:
        case ColumnAction.CLEAR | ColumnAction.NULL:
            return mask is None
        case ColumnAction.PSEUDONYM:
            return mask is None and bool(pa.types.is_string(arrow_type))
        case ColumnAction.PARTIAL | ColumnAction.GENERALISE:
            if mask is None or mask not in MASKS_OF_ACTION[action]:
                return False
            if mask in _TEXT_MASKS:
                return bool(pa.types.is_string(arrow_type))
            if mask is Mask.BUCKET:
                return bool(buckets) and bool(pa.types.is_integer(arrow_type))
            return bool(pa.types.is_date32(arrow_type) or pa.types.is_timestamp(arrow_type))
    return False


def treat(
    values: pa.Array,
    *,
    action: ColumnAction,
    mask: Mask | None,
    pseudonym_key: bytes,
    buckets: tuple[int, ...] = (),
) -> pa.Array:
    """Return the values as they may leave the department.

    Args:
        values: Raw values of one column.
        action: Any action but `deny` and `lookup`.
        mask: Name of the mask for `partial` and `generalise`, otherwise None.
        pseudonym_key: HMAC key of this purpose and query, 32 bytes; only `pseudonym` uses it. Equal values have equal
            pseudonyms in every department, so that joins on pseudonyms match.
        buckets: Ascending lower bounds of the column's buckets, as in the catalogue; only mask `bucket` uses them.

    Returns:
        Same type, same length, nulls where they were (everywhere for `null`).

    Raises:
        ValueError: The type cannot be treated so (see `supports`), or the pseudonym key is missing.
    """
    if not supports(values.type, action=action, mask=mask, buckets=buckets):
        raise ValueError(f"values of type {values.type} cannot be treated with '{action}' '{mask}'")
    match action:
        case ColumnAction.CLEAR:
            return values
        case ColumnAction.NULL:
            return pa.nulls(len(values), values.type)
        case ColumnAction.PSEUDONYM:
            return _pseudonyms(values, key=pseudonym_key)
    assert mask is not None  # noqa: S101 - `supports` has said so
    if mask is Mask.BUCKET:
        return _lower_bounds(values, buckets=buckets)
    if mask in _TEXT_MASKS:
        return _TEXT_MASKS[mask](values)
    unit, multiple = _PERIODS[mask]
    return _first_day(values, unit=unit, multiple=multiple)


def is_treated(values: pa.Array, *, action: ColumnAction, mask: Mask | None, buckets: tuple[int, ...] = ()) -> bool:
    """Tell whether every non-null value has the form that the treatment gives.

    Masks are idempotent, so their forms are exactly the values that they leave as they are.

    Raises:
        ValueError: The type cannot be treated so (see `supports`).
    """
    if not supports(values.type, action=action, mask=mask, buckets=buckets):
        raise ValueError(f"values of type {values.type} cannot be treated with '{action}' '{mask}'")
    match action:
        case ColumnAction.CLEAR:
            return True
        case ColumnAction.NULL:
            return bool(values.null_count == len(values))
    form = _FORMS.get(mask)
    if form is None:
        return bool(treat(values, action=action, mask=mask, pseudonym_key=b"", buckets=buckets).equals(values))
    return pc.all(pc.match_substring_regex(values, rf"\A(?:{form})\z"), min_count=0).as_py() is True


def _pseudonyms(values: pa.StringArray, *, key: bytes) -> pa.StringArray:
    """HMAC-SHA-256 (RFC 2104) of the UTF-8 bytes, the first 16 bytes in hexadecimal."""
    if not 16 <= len(key) <= _BLOCK_BYTES:
        raise ValueError("the pseudonym key is missing")
    padded = np.frombuffer(key.ljust(_BLOCK_BYTES, b"\0"), dtype=np.uint8)
    # Copying two keyed states is twice as fast as `hmac.digest`, which keys both again for every value. Looking for equal
    # values first costs a tenth where identifiers are distinct, as they mostly are.
    inner = hashlib.sha256((padded ^ 0x36).tobytes())
    outer = hashlib.sha256((padded ^ 0x5C).tobytes())
    digests = bytearray()
    for value in pc.fill_null(values, "").cast(pa.binary()).to_pylist():
        first, second = inner.copy(), outer.copy()
        first.update(value)
        second.update(first.digest())
        digests += second.digest()
    halves = np.frombuffer(digests, dtype=np.uint8).reshape(-1, 32)[:, :16]
    offsets = pa.py_buffer(np.arange(len(halves) + 1, dtype=np.int32) * 32)
    text = pa.py_buffer(halves.tobytes().hex().encode("ascii"))
    pseudonyms = pa.StringArray.from_buffers(len(halves), offsets, text)
    return pc.if_else(pc.is_valid(values), pseudonyms, None) if values.null_count else pseudonyms


def _where(values: pa.StringArray, *, form: str, masked: pa.Array, otherwise: str) -> pa.StringArray:
    """Take `masked` where the value has the form (an RE2 expression for the whole value), nulls staying null."""
    return pc.if_else(pc.match_substring_regex(values, rf"\A(?:{form})\z"), masked, otherwise)


def _joined(*parts: pa.Array | str) -> pa.StringArray:
    return pc.binary_join_element_wise(*parts, "")


def _name(values: pa.StringArray) -> pa.StringArray:
    """Keep the surname: 王小明 → 王**, 欧阳修 → 欧阳*, anything that does not start with a Han character → **."""
    lengths = pc.utf8_length(values)
    compound = pc.and_(
        pc.is_in(pc.utf8_slice_codeunits(values, 0, 2), value_set=pa.array(COMPOUND_SURNAMES)), pc.greater(lengths, 2)
    )
    surnames = pc.if_else(compound, pc.utf8_slice_codeunits(values, 0, 2), pc.utf8_slice_codeunits(values, 0, 1))
    hidden = pc.max_element_wise(pc.subtract(lengths, pc.if_else(compound, 2, 1)), 0)
    masked = _joined(surnames, pc.binary_repeat("*", hidden))
    return _where(values, form=r"(?s)\p{Han}.{1,39}", masked=masked, otherwise="**")


def _hidden(values: pa.StringArray, *, form: str, start: int, stop: int, hidden: str, otherwise: str) -> pa.StringArray:
    """Write `hidden` over a part of the values of an ASCII form."""
    masked = pc.binary_replace_slice(values, start=start, stop=stop, replacement=hidden)
    return _where(values, form=form, masked=masked, otherwise=otherwise)


def _address(values: pa.StringArray, *, pattern: re.Pattern[str]) -> pa.StringArray:
    """Keep what the pattern takes from the beginning; house numbers, buildings and rooms are hidden.

    Few places stand before many houses, so each place is looked at once.
    """
    addresses = values.dictionary_encode()
    parts = pc.split_pattern_regex(addresses.dictionary, _BEHIND_PLACES, max_splits=1)
    places = pc.list_element(parts, 0).dictionary_encode()
    kept = [f"{found[0]}**" if (found := pattern.match(place)) else "**" for place in places.dictionary.to_pylist()]
    return pa.array(kept, pa.string()).take(places.indices).take(addresses.indices)


def _first_day(values: pa.Array, *, unit: str, multiple: int) -> pa.Array:
    """Truncate to the first day of the month, year or band of years, counted from year 0.

    Always 0001-01-01 for the band that begins in year 0, and outside the years 1 to 9999.
    """
    first, end = calendar_range(values.type)
    known = pc.and_(pc.greater_equal(values, first), pc.less(values, end))
    floors = pc.floor_temporal(pc.if_else(known, values, first), multiple=multiple, unit=unit)
    return pc.if_else(pc.greater(floors, first), floors, first)


def _lower_bounds(values: pa.Array, *, buckets: tuple[int, ...]) -> pa.Array:
    """Take the largest lower bound that is not above the value; the first one for values below all of them."""
    bounds = pa.array(buckets, values.type)
    above = pc.search_sorted(bounds, values, side="right").cast(pa.int64())
    return bounds.take(pc.max_element_wise(pc.subtract(above, 1), 0, skip_nulls=False))


_FORMS: Mapping[Mask | None, str] = {
    None: r"[0-9a-f]{32}",
    Mask.NAME: rf"\*\*|(?:{'|'.join(COMPOUND_SURNAMES)})\*{{1,38}}|\p{{Han}}\*{{1,39}}",
    Mask.RESIDENT_ID: r"\*{18}|[1-9][0-9]{5}\*{12}",
    Mask.CREDIT_CODE: r"\*{18}|[0-9A-Z]{2}\*{12}[0-9A-Z]{4}",
    Mask.PHONE: r"\*{11}|1[3-9][0-9]\*{4}[0-9]{4}",
    Mask.DIVISION_TOWNSHIP: r"[0-9]{9}000",
}
"""What masked text looks like (RE2, the whole value), and a pseudonym for None; other masks are applied again instead."""
_PERIODS: Mapping[Mask, tuple[str, int]] = {
    Mask.DATE_MONTH: ("month", 1),
    Mask.DATE_YEAR: ("year", 1),
    Mask.AGE_BAND: ("year", 5),
}
_TEXT_MASKS: Mapping[Mask, Callable[[pa.StringArray], pa.StringArray]] = {
    Mask.NAME: _name,
    # Six region digits stay: birth date, sex and whatever the check digit would give away are hidden.
    Mask.RESIDENT_ID: partial(
        _hidden,
        form=r"[1-9][0-9]{5}(?:[0-9]{11}[0-9Xx]|\*{12})",
        start=6,
        stop=18,
        hidden="*" * 12,
        otherwise="*" * 18,
    ),
    # The first two and the last four characters stay.
    Mask.CREDIT_CODE: partial(
        _hidden,
        form=r"[0-9A-Z]{2}(?:[0-9A-Z]{12}|\*{12})[0-9A-Z]{4}",
        start=2,
        stop=14,
        hidden="*" * 12,
        otherwise="*" * 18,
    ),
    # Three and four digits of a mobile number stay; other numbers are hidden entirely.
    Mask.PHONE: partial(
        _hidden, form=r"1[3-9][0-9](?:[0-9]{4}|\*{4})[0-9]{4}", start=3, stop=7, hidden="****", otherwise="*" * 11
    ),
    # The township or street of a twelve-digit division code stays.
    Mask.DIVISION_TOWNSHIP: partial(_hidden, form=r"[0-9]{12}", start=9, stop=12, hidden="000", otherwise="0" * 12),
    **{mask: partial(_address, pattern=pattern) for mask, pattern in _ADDRESSES.items()},
}
