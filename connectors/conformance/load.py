"""Clauses E2 to E5: many scans at once, scans that are given up, and large results."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TypeAlias

import grpc
import psutil
import pyarrow as pa

from catalog.dataset import Text
from connectors.conformance.report import Broken, Findings
from connectors.conformance.survey import Survey, difference
from connectors.conformance.target import KEY_ID, CallFailed, failure
from connectors.sdk.grant import sign_grant
from connectors.sdk.profile import every_row
from sharing_stubs.sharing.connector.v1 import connector_pb2

_AT_ONCE = 8
_ROUNDS = 3
_DEADLINE_SECONDS = 0.3
_PAUSE_SECONDS = 1.0
_RECOVERY_SECONDS = 5.0
_INTERRUPTIBLE_BYTES = 1 << 20
"""A smaller result has left before anybody can interrupt it."""
_READ_BYTES_MAX = 256 << 20
_LARGE_BYTES = 96 << 20
_GROWTH_BYTES_MAX = 64 << 20

Call: TypeAlias = "grpc._CallIterator[connector_pb2.ScanResponse]"


def check_load(looked: Survey, *, pid: int | None, findings: Findings) -> None:
    """Check E2 to E5 with the largest dataset.

    Args:
        looked: The dataset.
        pid: Process id of the connector when it runs on this machine.
        findings: Gets the results.

    Raises:
        Broken: One of them does not hold; the connector is in no state for the others.
    """
    _check_at_once(looked)
    findings.passed("E2", detail=Text(zh=f"同时 {_AT_ONCE} 次", en=f"{_AT_ONCE} at once"))
    size, growth = _read_slowly(looked, process=None if pid is None else psutil.Process(pid))
    _judge_memory(size, growth, findings=findings)
    for clause, give_up in (("E3", _cancelled), ("E4", _expired)):
        if size < _INTERRUPTIBLE_BYTES:
            text = Text(zh="最大的数据集太小，无法中断", en="the largest dataset is too small to be interrupted")
            findings.not_checked(clause, detail=text)
            continue
        for _ in range(_ROUNDS):
            give_up(looked)
        _check_recovered(looked, clause=clause)
        given_up = _ROUNDS * _AT_ONCE
        findings.passed(clause, detail=Text(zh=f"中断 {given_up} 次", en=f"{given_up} given up"))


def _known_rows(looked: Survey) -> pa.Table:
    grant = looked.grant(columns=looked.clear(), row_filter=looked.known_filter)
    return looked.target.scan(grant, dataset=looked.dataset)


def _check_at_once(looked: Survey) -> None:
    assert looked.known is not None  # noqa: S101 - the kit chooses a dataset with rows
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        scans = [pool.submit(_known_rows, looked) for _ in range(_AT_ONCE)]
        for scan in scans:
            try:
                differs = difference(scan.result(), looked.known)
            except CallFailed as failed:
                raise Broken("E2", failed.text) from None
            if differs is not None:
                raise Broken("E2", differs)


def _open(looked: Survey, *, seconds: float | None = None) -> Call:
    grant = looked.grant(columns=looked.clear(), row_filter=every_row(looked.dataset.primary_key[0]))
    return looked.target.open(sign_grant(grant, key=looked.target.key, key_id=KEY_ID), seconds=seconds)


def _cancelled(looked: Survey) -> None:
    """Open some scans of everything, read a little, and cancel them."""
    calls = [_open(looked) for _ in range(_AT_ONCE)]
    for call in calls:
        _first(call)
        call.cancel()


def _expired(looked: Survey) -> None:
    """Open some scans of everything, read a little, and let their deadline pass."""
    calls = [_open(looked, seconds=_DEADLINE_SECONDS) for _ in range(_AT_ONCE)]
    for call in calls:
        _first(call)
    _until(lambda: not any(call.is_active() for call in calls))


def _first(call: Call) -> None:
    """Read one message, if one comes; that a connector is busy is not this clause's."""
    try:
        next(call, None)
    except grpc.RpcError:
        return


def _until(done: Callable[[], bool]) -> None:
    ends = time.monotonic() + _RECOVERY_SECONDS
    while not done() and time.monotonic() < ends:
        time.sleep(0.05)


def _check_recovered(looked: Survey, *, clause: str) -> None:
    answers: list[str] = []

    def served() -> bool:
        try:
            _known_rows(looked)
        except CallFailed as failed:
            answers.append(str(failed))
            return False
        return True

    ends = time.monotonic() + _RECOVERY_SECONDS
    while not served():
        if time.monotonic() > ends:
            raise Broken(clause, Text(zh=f"此后答复 {answers[-1]}", en=f"answers {answers[-1]} afterwards"))
        time.sleep(0.1)


def _read_slowly(looked: Survey, *, process: psutil.Process | None) -> tuple[int, int | None]:
    """Read a whole dataset, pausing after the first batch.

    Returns:
        Bytes that came, of at most `_READ_BYTES_MAX`, and by how many bytes the connector's memory grew meanwhile, if known.
    """
    before, size, peak = _resident(process), 0, 0
    call = _open(looked)
    try:
        for message in call:
            if process is not None and not size:
                time.sleep(_PAUSE_SECONDS)
            size += len(message.record_batch)
            peak = max(peak, _resident(process))
            if size > _READ_BYTES_MAX:
                break
    except grpc.RpcError as error:
        raise Broken("S5", failure(error).text) from None
    finally:
        call.cancel()
    return size, None if process is None else peak - before


def _resident(process: psutil.Process | None) -> int:
    """Return the memory of a process and its children, in bytes."""
    if process is None:
        return 0
    size: int = process.memory_info().rss
    for child in process.children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            size += child.memory_info().rss
    return size


def _judge_memory(size: int, growth: int | None, *, findings: Findings) -> None:
    read = f"{size >> 20} MiB"
    if growth is None:
        text = Text(zh="连接器不在本机运行，看不到其内存", en="the connector's memory cannot be seen from here")
        findings.not_checked("E5", detail=text)
    elif growth > _GROWTH_BYTES_MAX:
        grown = f"{growth >> 20} MiB"
        raise Broken(
            "E5", Text(zh=f"读取 {read} 时内存增长 {grown}", en=f"memory grew by {grown} while {read} were read")
        )
    elif size < _LARGE_BYTES:
        text = Text(zh=f"最大的结果只有 {read}", en=f"the largest result has only {read}")
        findings.not_checked("E5", detail=text)
    else:
        grown = f"{growth >> 20} MiB"
        text = Text(zh=f"读取 {read}，内存增长 {grown}", en=f"{read} read, memory grew by {grown}")
        findings.passed("E5", detail=text)
