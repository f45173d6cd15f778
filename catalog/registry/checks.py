"""Hold what a connector describes against the catalogue."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping

import pyarrow as pa

from catalog.dataset import Dataset, Text
from catalog.registry.records import RegistrationRefused

_COLUMNS_NAMED_MAX = 10
_NAME_CHARACTERS_MAX = 80
_NOT_DESCRIBED = Text(
    zh="连接器不再提供该数据集，或未说明其结构。", en="The connector no longer offers it, or sends no schema."
)


def check_datasets(names: Iterable[str], *, department: str, datasets: Mapping[str, Dataset]) -> None:
    """Raise RegistrationRefused unless every name is exactly that of a dataset of the department, and none comes twice.

    Args:
        names: As the connector wrote them.
        department: Whose connector it is.
        datasets: The catalogue's, by name.
    """
    seen: set[str] = set()
    known = {_folded(name): name for name in datasets}
    for name in names:
        own = known.get(_folded(name))
        if own is None:
            raise RegistrationRefused(f"目录中没有数据集“{name[:80]}”", f"the catalogue has no dataset '{name[:80]}'")
        if datasets[own].controller != department:
            raise RegistrationRefused(
                f"数据集“{own}”由另一部门主管", f"dataset '{own}' has another department as its controller"
            )
        if own != name:
            raise RegistrationRefused(
                f"数据集“{own}”的名称写法与目录不同", f"the name of dataset '{own}' is not written as in the catalogue"
            )
        if own in seen:
            raise RegistrationRefused(f"数据集“{own}”列出两次", f"dataset '{own}' is listed twice")
        seen.add(own)
    if not seen:
        raise RegistrationRefused("连接器没有任何数据集", "the connector serves no dataset")


def drift_of(described: pa.Schema | None, *, expected: pa.Schema) -> Text | None:
    """Say how a schema differs from the catalogue's, or None when it does not.

    Args:
        described: What the connector says; None when it does not list the dataset or sent no schema.
        expected: The catalogue's.
    """
    try:
        return _NOT_DESCRIBED if described is None else _difference(described, expected=expected)
    except UnicodeDecodeError:  # a name in the schema is no UTF-8; Arrow reads it late
        return _NOT_DESCRIBED


def _difference(described: pa.Schema, *, expected: pa.Schema) -> Text | None:
    if described.equals(expected, check_metadata=False):
        return None
    theirs = {field.name: field for field in described}
    ours = {field.name: field for field in expected}
    retyped = [
        f"{name} ({str(theirs[name].type)[:_NAME_CHARACTERS_MAX]} ≠ {field.type})"
        for name, field in ours.items()
        if name in theirs and theirs[name].type != field.type
    ]
    nullable = [name for name, field in ours.items() if name in theirs and theirs[name].nullable != field.nullable]
    differences = (
        ("缺少的列", "missing columns", [name for name in ours if name not in theirs]),
        ("多出的列", "extra columns", [name[:_NAME_CHARACTERS_MAX] for name in theirs if name not in ours]),
        ("类型不同的列", "columns of another type", retyped),
        ("空值规则不同的列", "columns that differ in whether they may be null", nullable),
    )
    found = [(zh, en, _listed(names)) for zh, en, names in differences if names]
    if not found:
        return Text(zh="列的顺序与目录不同，或有重名。", en="The columns are in another order, or a name comes twice.")
    return Text(
        zh="；".join(f"{zh}：{names}" for zh, _, names in found) + "。",
        en="; ".join(f"{en}: {names}" for _, en, names in found) + ".",
    )


def _listed(names: list[str]) -> str:
    more = len(names) - _COLUMNS_NAMED_MAX
    return ", ".join(names[:_COLUMNS_NAMED_MAX]) + (f", … (+{more})" if more > 0 else "")


def _folded(name: str) -> str:
    """Return what names have in common that differ in case, width or invisible characters only."""
    shown = (c for c in unicodedata.normalize("NFKC", name) if unicodedata.category(c) not in ("Cf", "Zs"))
    return "".join(shown).casefold()
