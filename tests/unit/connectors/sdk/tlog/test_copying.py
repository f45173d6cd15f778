from __future__ import annotations

from pathlib import Path

import pytest

from connectors.sdk.tlog.copying import take_log


@pytest.mark.parametrize("name", ["../escape", "/etc/passwd", "segment-1.log", "lock", "", "checkpoint\n", "hashes"])
def test_only_files_of_a_log_are_taken(name: str, tmp_path: Path) -> None:
    """A sender cannot make the receiver write anything but a log's own files."""
    with pytest.raises(ValueError, match="no file of a log"):
        take_log([(name, b"x")], directory=tmp_path)
    assert list(tmp_path.iterdir()) == []
