"""A copy of the packaged entries that a test may break."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from catalog.load import ENTRIES, CatalogueInvalid, load_catalogue


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return Path(shutil.copytree(ENTRIES, tmp_path / "entries"))


@pytest.fixture
def edit(root: Path) -> Callable[[str, str, str], None]:
    def replace(file: str, old: str, new: str) -> None:
        text = (root / file).read_text("utf-8")
        assert old in text, f"{file} has no {old!r}"
        (root / file).write_text(text.replace(old, new, 1), "utf-8")

    return replace


@pytest.fixture
def problems(root: Path) -> Callable[[], tuple[str, ...]]:
    def load() -> tuple[str, ...]:
        with pytest.raises(CatalogueInvalid) as raised:
            load_catalogue(root)
        return raised.value.problems

    return load
