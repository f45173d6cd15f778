"""`gateway audit replay`: decide recorded queries again."""

from __future__ import annotations

import datetime
from collections import Counter
from typing import Annotated

import typer

from catalog.dataset import Text
from gateway.client.audit_reports import NOT_DECIDED
from gateway.doors.cli.options import LanguageOption, ProfileOption
from gateway.doors.cli.session import connected
from gateway.doors.cli.show import EXIT_INVALID, Screen, local_time
from sharing_stubs.sharing.audit.v1 import review_pb2, review_pb2_grpc

commands = typer.Typer()
EXIT_DIFFERENT = 1

_Outcome = review_pb2.ReplayOutcome
_OUTCOMES = {
    _Outcome.REPLAY_OUTCOME_NOW_DENIED: Text(zh="允许→拒绝", en="now denied"),
    _Outcome.REPLAY_OUTCOME_NOW_ALLOWED: Text(zh="拒绝→允许", en="now allowed"),
    _Outcome.REPLAY_OUTCOME_DIFFERENT: Text(zh="答复不同", en="different"),
    _Outcome.REPLAY_OUTCOME_NO_ANSWER: Text(zh="无答复", en="no answer"),
    _Outcome.REPLAY_OUTCOME_IDENTICAL: Text(zh="相同", en="identical"),
}
_COUNTED = frozenset({_Outcome.REPLAY_OUTCOME_DIFFERENT, _Outcome.REPLAY_OUTCOME_IDENTICAL})
"""What a drift report does not list."""


@commands.command("replay")
def replay(
    profile: ProfileOption,
    entry: Annotated[str, typer.Argument(help="条目编号；缺省为时段内全部 / id of an intent or denial")] = "",
    from_time: Annotated[datetime.datetime | None, typer.Option("--from", help="起 / not before")] = None,
    until_time: Annotated[datetime.datetime | None, typer.Option("--until", help="止 / before")] = None,
    active: Annotated[bool, typer.Option("--active", help="按现行策略 / by the policy of today")] = False,
    entries_max: Annotated[int, typer.Option("--max", min=1, help="最多条数 / newest entries")] = 10_000,
    language: LanguageOption = None,
) -> None:
    """重新判定已记录的查询 / decide recorded queries again. Exit 1 when the answer is not the recorded one.

    --active 列出按现行策略会被拒绝的访问与会被允许的拒绝 / --active lists what the policy of today would deny, or allow.
    """
    request = review_pb2.ReplayEntriesRequest(
        entry_id=entry,
        from_time=int(from_time.timestamp()) if from_time else 0,
        until_time=int(until_time.timestamp()) if until_time else 0,
        by_active_policy=active,
        entries_max=entries_max,
    )
    with connected(profile, language) as (connection, screen):
        stub = review_pb2_grpc.ReviewServiceStub(connection.channel)
        replayed = list(stub.ReplayEntries(request, metadata=connection.headers()))
    if entry and not replayed:
        screen.say(
            f"没有编号为 {entry} 的查询或拒绝记录；用 gateway audit search 查找编号。",
            f"no intent or denial has the id {entry}; find ids with gateway audit search.",
        )
        raise typer.Exit(EXIT_INVALID)
    listed = [
        item
        for item in sorted(replayed, key=lambda item: list(_OUTCOMES).index(item.outcome))
        if (item.outcome not in _COUNTED if active else item.outcome != _Outcome.REPLAY_OUTCOME_IDENTICAL)
    ]
    _show(screen, listed)
    counts = Counter(item.outcome for item in replayed)
    told = [f"{screen.words(text)} {counts[outcome]:,}" for outcome, text in _OUTCOMES.items() if counts[outcome]]
    screen.say(
        "，".join((f"重新判定 {len(replayed):,} 条", *told)), ", ".join((f"{len(replayed):,} decided again", *told))
    )
    if listed:
        raise typer.Exit(EXIT_DIFFERENT)


def _show(screen: Screen, listed: list[review_pb2.ReplayEntriesResponse]) -> None:
    if not listed:
        return
    zh = screen.language == "zh"
    screen.table(
        ("时间", "条目", "结果", "单位、用途", "策略", "差异（原 → 新）")
        if zh
        else ("time", "entry", "outcome", "office, purpose", "policy", "differences (before → after)"),
        [
            (
                local_time(item.time_micros // 1_000_000),
                item.entry_id,
                screen.words(_OUTCOMES[item.outcome]),
                f"{item.office}\n{item.purpose}",
                item.policy_revision[:16],
                "\n".join(
                    screen.words(NOT_DECIDED[text]) if text in NOT_DECIDED else text for text in item.differences
                ),
            )
            for item in listed
        ],
    )
