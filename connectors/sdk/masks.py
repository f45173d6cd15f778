"""Treatments of column values: what `null`, `pseudonym`, `partial` and `generalise` do.

Every treatment keeps the Arrow type and nulls, is idempotent, and turns a value that does not have the expected form
into one fixed, fully masked form. Masks and pseudonyms are de-identification, not anonymisation (PIPL 73).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping

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
_PLACE = rf"[^{_ROADS}号號室楼樓幢栋棟座层層\x{{0}}-\x{{4DFF}}\x{{A000}}-\x{{10FFFF}}]+"
"""Han characters (U+4E00 to U+9FFF) but words for roads, house numbers, buildings, storeys and rooms."""
_UP_TO_ROAD = rf"(?P<place>{_PLACE}(?:[{_ROADS}]?街道(?:{_PLACE}[{_ROADS}])?|[{_ROADS}]))"
"""As far as the road, lane or village; 街道 is a street office, whose name may itself hold a road's."""
_BLOCK_BYTES = 64


def supports(arrow_type: pa.DataType, *, action: ColumnAction, mask: Mask | None) -> bool:
    """Tell whether a column of `arrow_type` can be treated so. `deny` and `lookup` release no values: never."""
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
            return bool(pa.types.is_date32(arrow_type) or pa.types.is_timestamp(arrow_type))
    return False


def treat(values: pa.Array, *, action: ColumnAction, mask: Mask | None, pseudonym_key: bytes) -> pa.Array:
    """Return the values as they may leave the department.

    Args:
        values: Raw values of one column.
        action: Any action but `deny` and `lookup`.
        mask: Name of the mask for `partial` and `generalise`, otherwise None.
        pseudonym_key: HMAC key of this purpose and query, 32 bytes; only `pseudonym` uses it. Equal values have equal
            pseudonyms in every department, so that joins on pseudonyms match.

    Returns:
        Same type, same length, nulls where they were (everywhere for `null`).

    Raises:
        ValueError: The type cannot be treated so (see `supports`), or the pseudonym key is missing.
    """
    if not supports(values.type, action=action, mask=mask):
        raise ValueError(f"values of type {values.type} cannot be treated with '{action}' '{mask}'")
    match action:
        case ColumnAction.CLEAR:
            return values
        case ColumnAction.NULL:
            return pa.nulls(len(values), values.type)
        case ColumnAction.PSEUDONYM:
            return _pseudonyms(values, key=pseudonym_key)
    assert mask is not None  # noqa: S101 - `supports` has said so
    return _TEXT_MASKS[mask](values) if mask in _TEXT_MASKS else _first_day(values, unit=_UNITS[mask])


def is_treated(values: pa.Array, *, action: ColumnAction, mask: Mask | None) -> bool:
    """Tell whether every non-null value has the form that the treatment gives.

    Masks are idempotent, so their forms are exactly the values that they leave as they are.

    Raises:
        ValueError: The type cannot be treated so (see `supports`).
    """
    if not supports(values.type, action=action, mask=mask):
        raise ValueError(f"values of type {values.type} cannot be treated with '{action}' '{mask}'")
    match action:
        case ColumnAction.CLEAR:
            return True
        case ColumnAction.NULL:
            return bool(values.null_count == len(values))
    form = _FORMS.get(mask)
    if form is None:
        return bool(treat(values, action=action, mask=mask, pseudonym_key=b"").equals(values))
    return pc.all(pc.match_substring_regex(values, rf"\A(?:{form})\z"), min_count=0).as_py() is True


def _pseudonyms(values: pa.StringArray, *, key: bytes) -> pa.StringArray:
    """HMAC-SHA-256 (RFC 2104) of the UTF-8 bytes, the first 16 bytes in hexadecimal; each distinct value once."""
    if not 16 <= len(key) <= _BLOCK_BYTES:
        raise ValueError("the pseudonym key is missing")
    encoded = values.dictionary_encode()
    padded = np.frombuffer(key.ljust(_BLOCK_BYTES, b"\0"), dtype=np.uint8)
    # Copying two keyed states is twice as fast as `hmac.digest`, which keys both again for every value.
    inner = hashlib.sha256((padded ^ 0x36).tobytes())
    outer = hashlib.sha256((padded ^ 0x5C).tobytes())
    digests = bytearray()
    for value in encoded.dictionary.cast(pa.binary()).to_pylist():
        first, second = inner.copy(), outer.copy()
        first.update(value)
        second.update(first.digest())
        digests += second.digest()
    halves = np.frombuffer(digests, dtype=np.uint8).reshape(-1, 32)[:, :16]
    offsets = pa.py_buffer(np.arange(len(halves) + 1, dtype=np.int32) * 32)
    text = pa.py_buffer(halves.tobytes().hex().encode("ascii"))
    return pa.StringArray.from_buffers(len(halves), offsets, text).take(encoded.indices)


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


def _resident_id(values: pa.StringArray) -> pa.StringArray:
    """Keep the six region digits: birth date, sex and whatever the check digit would give away are hidden."""
    masked = _joined(pc.utf8_slice_codeunits(values, 0, 6), "*" * 12)
    return _where(values, form=r"[1-9][0-9]{5}(?:[0-9]{11}[0-9Xx]|\*{12})", masked=masked, otherwise="*" * 18)


def _credit_code(values: pa.StringArray) -> pa.StringArray:
    """Keep the first two and the last four characters."""
    masked = _joined(pc.utf8_slice_codeunits(values, 0, 2), "*" * 12, pc.utf8_slice_codeunits(values, 14, 18))
    form = r"[0-9A-Z]{2}(?:[0-9A-Z]{12}|\*{12})[0-9A-Z]{4}"
    return _where(values, form=form, masked=masked, otherwise="*" * 18)


def _phone(values: pa.StringArray) -> pa.StringArray:
    """Keep three and four digits of a mobile number: 138****5678; other numbers are hidden entirely."""
    masked = _joined(pc.utf8_slice_codeunits(values, 0, 3), "****", pc.utf8_slice_codeunits(values, 7, 11))
    return _where(values, form=r"1[3-9][0-9](?:[0-9]{4}|\*{4})[0-9]{4}", masked=masked, otherwise="*" * 11)


def _address(values: pa.StringArray) -> pa.StringArray:
    """Keep everything up to the first road, lane or village after the street office; house numbers are hidden."""
    places = pc.struct_field(pc.extract_regex(values, rf"\A{_UP_TO_ROAD}"), "place")
    return pc.if_else(pc.is_valid(values), pc.coalesce(_joined(places, "**"), "**"), None)


def _township(values: pa.StringArray) -> pa.StringArray:
    """Keep the township or street of a twelve-digit division code."""
    masked = _joined(pc.utf8_slice_codeunits(values, 0, 9), "000")
    return _where(values, form=r"[0-9]{12}", masked=masked, otherwise="0" * 12)


def _first_day(values: pa.Array, *, unit: str) -> pa.Array:
    """Truncate to the first day of the month or year; outside the years 1 to 9999 always 0001-01-01."""
    first, end = calendar_range(values.type)
    known = pc.and_(pc.greater_equal(values, first), pc.less(values, end))
    return pc.floor_temporal(pc.if_else(known, values, first), unit=unit)


_FORMS: Mapping[Mask | None, str] = {
    None: r"[0-9a-f]{32}",
    Mask.NAME: rf"\*\*|(?:{'|'.join(COMPOUND_SURNAMES)})\*{{1,38}}|\p{{Han}}\*{{1,39}}",
    Mask.RESIDENT_ID: r"\*{18}|[1-9][0-9]{5}\*{12}",
    Mask.CREDIT_CODE: r"\*{18}|[0-9A-Z]{2}\*{12}[0-9A-Z]{4}",
    Mask.PHONE: r"\*{11}|1[3-9][0-9]\*{4}[0-9]{4}",
    Mask.ADDRESS: rf"\*\*|{_UP_TO_ROAD}\*\*",
    Mask.DIVISION_TOWNSHIP: r"[0-9]{9}000",
}
"""What masked text looks like (RE2, the whole value), and a pseudonym for None; dates are truncated again instead."""
_UNITS: Mapping[Mask, str] = {Mask.DATE_MONTH: "month", Mask.DATE_YEAR: "year"}
_TEXT_MASKS: Mapping[Mask, Callable[[pa.StringArray], pa.StringArray]] = {
    Mask.NAME: _name,
    Mask.RESIDENT_ID: _resident_id,
    Mask.CREDIT_CODE: _credit_code,
    Mask.PHONE: _phone,
    Mask.ADDRESS: _address,
    Mask.DIVISION_TOWNSHIP: _township,
}
