"""Write a result in parts: a folder of Parquet files, complete under its name, or not at all, and taken up after a cut."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pyarrow.parquet as pq

from gateway.client.files.cover_sheet import terms_of
from gateway.client.files.formats import Arriving, FileProblem, Replacing, write_private, write_result
from gateway.client.files.held import held_entries

_REQUEST = "_request.json"
_PART = re.compile(r"part-[0-9a-z-]{1,64}\.parquet")
_OF_ONE_PART = frozenset({"sharing.entry", "sharing.decision", "sharing.expires_at"})
"""Terms that differ from part to part."""
_ROUNDS_MAX = 3
_TAKEN_UP_SECONDS = 24 * 3600
"""How long after its beginning a delivery is taken up: a dataset is of one day."""


class OpenPart(Protocol):
    """A part of a result that can be fetched, such as `gateway.client.connection.Part`."""

    @property
    def key(self) -> str:
        """Names the part in every answer to the same request."""
        ...

    def open(self) -> AbstractContextManager[Arriving]:
        """Begin to fetch it."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A complete folder."""

    rows: Mapping[str, int]
    """Of each part, by audit entry."""
    outdated: int
    """Parts of an earlier call that were fetched anew because a day had passed."""


def write_directory(
    parts: Sequence[OpenPart],
    *,
    path: Path,
    request: Mapping[str, object],
    now: float,
    begun: Callable[[Arriving], None],
    replacing: Replacing = lambda path: None,
) -> Written:
    """Write every part to a file `part-….parquet` of the folder `path`.

    Parts are gathered in `.NAME.part` beside it. Those that an earlier call for the same request finished are taken up for 24
    hours from its beginning, unless their time is over or they were delivered under other terms than the rest. The folder
    appears under its name with its last part, and replaces an older one. Only its owner may read it.

    Args:
        parts: All parts of the result.
        path: A name without an ending.
        request: What was asked, JSON; another request begins anew.
        now: Seconds since 1970-01-01 UTC.
        begun: Is told of every part that begins to arrive.
        replacing: Is told of the folder before it is replaced.

    Raises:
        FileProblem: Under `path` is something else, or the terms change as fast as the parts arrive.
        OSError: A file cannot be written.
        Exception: Whatever fetching a part raises; finished parts are kept.
    """
    check_directory(path)
    staging, outdated = _staging(path, request=request, now=now)
    files = {_file_name(part.key): part for part in parts}
    for left in set(staging.iterdir()) - {staging / name for name in (*files, _REQUEST)}:
        left.unlink()
    missing = [name for name in files if not _is_current(staging / name, now=now)]
    for _ in range(_ROUNDS_MAX):
        for name in missing:
            with files[name].open() as result:
                begun(result)
                write_result(result, path=staging / name)
        missing = _of_other_terms([staging / name for name in files], newest=missing)
        if not missing:
            break
    else:
        raise FileProblem("政策在取数期间一再变化，请稍后重试", "the policy kept changing meanwhile; try again later")
    rows = {_terms(staging / name)["sharing.entry"]: pq.read_metadata(staging / name).num_rows for name in files}
    replacing(path)
    _put_in_place(staging, path)
    return Written(rows=rows, outdated=outdated)


def check_directory(path: Path) -> None:
    """Raise FileProblem when a folder of parts cannot stand under this name."""
    if not path.parent.is_dir():
        raise FileProblem(f"没有文件夹 {path.parent}，请先创建", f"there is no folder {path.parent}; make it first")
    if path.exists() and not is_parts_folder(path):
        raise FileProblem(
            f"{path} 已存在且不是分片目录，请换一个名称",
            f"{path} exists and is no folder of parts; choose another name",
        )


def is_parts_folder(path: Path) -> bool:
    """Return whether a folder holds parts, or nothing, and nothing else."""
    return path.is_dir() and all(_PART.fullmatch(file.name) or file.name == _REQUEST for file in path.iterdir())


def delete_directory(path: Path) -> None:
    """Delete a folder of parts, and what is left of unfinished and replaced ones.

    Raises:
        FileProblem: The folder holds something else too.
        OSError: It cannot be deleted.
    """
    if path.exists():
        check_directory(path)
    for folder in (path, _beside(path, "part"), _beside(path, "old")):
        if folder.exists():
            shutil.rmtree(folder)


def end_replacing(path: Path) -> frozenset[str]:
    """End what a process began that was killed while it replaced a folder.

    Where the new one is not in place the older one returns; where it is, the older one is destroyed.

    Returns:
        The audit entries of what was destroyed.
    """
    old, destroyed = _beside(path, "old"), frozenset[str]()
    if is_parts_folder(old):
        if path.exists():
            destroyed = held_entries(old)
            shutil.rmtree(old)
        else:
            os.replace(old, path)
    if path.is_dir():
        (path / _REQUEST).unlink(missing_ok=True)
    return destroyed


def _staging(path: Path, *, request: Mapping[str, object], now: float) -> tuple[Path, int]:
    """Return the folder in which parts of this request are gathered, and how many of it were out of date."""
    staging, outdated = _beside(path, "part"), 0
    asked = staging / _REQUEST
    told, begun_at = _asked(asked)
    if told == request:
        if begun_at + _TAKEN_UP_SECONDS > now:
            return staging, 0
        outdated = len(list(staging.glob("part-*.parquet")))
    if staging.exists():
        shutil.rmtree(staging)
    staging.mkdir(mode=0o700)
    write_private(asked, json.dumps({"request": request, "begun_at": now}, ensure_ascii=False))
    return staging, outdated


def _asked(file: Path) -> tuple[object, float]:
    """Return the request of a folder, and when it was begun; None when it does not say."""
    try:
        told = json.loads(file.read_bytes())
        return told["request"], told["begun_at"]
    except (OSError, ValueError, KeyError):
        return None, 0.0


def _file_name(key: str) -> str:
    name = f"part-{key or '0'}.parquet"
    if not _PART.fullmatch(name):
        raise FileProblem(f"网关给出了无效的分片名 {key!r}", f"the gateway named a part {key!r}, which is no valid key")
    return name


def _is_current(part: Path, *, now: float) -> bool:
    return part.is_file() and int(_terms(part)["sharing.expires_at"]) > now


def _of_other_terms(parts: Iterable[Path], *, newest: Sequence[str]) -> list[str]:
    """Return the names of parts that are not alike to those of `newest`."""
    terms = {part.name: _shared_terms(part) for part in parts}
    model = terms[newest[-1]] if newest else next(iter(terms.values()))
    return [name for name, own in terms.items() if own != model]


def _shared_terms(part: Path) -> tuple[str, dict[str, str]]:
    schema = pq.read_schema(part)
    return str(schema.remove_metadata()), {k: v for k, v in terms_of(schema).items() if k not in _OF_ONE_PART}


def _terms(part: Path) -> dict[str, str]:
    return terms_of(pq.read_schema(part))


def _put_in_place(staging: Path, path: Path) -> None:
    end_replacing(path)
    if path.exists():
        os.replace(path, _beside(path, "old"))
    os.replace(staging, path)
    end_replacing(path)


def _beside(path: Path, ending: str) -> Path:
    return path.with_name(f".{path.name}.{ending}")
