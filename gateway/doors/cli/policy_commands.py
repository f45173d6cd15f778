"""`gateway policy …`: test policies, see what they would change, and build the bundle that a gateway takes."""

from __future__ import annotations

import datetime
import itertools
import os
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import Annotated

import typer

from catalog.dataset import Text
from catalog.load import CatalogueInvalid, load_catalogue
from connectors.sdk.access_log import EntryIndex
from gateway.audit import SearchFilters, search
from gateway.decide import EmbeddedPdp, PolicyBundle, SignedBundle, encode_bundle, load_bundle, load_signing_key
from gateway.decide.input_schema import load_input_schema
from gateway.decide.replay import ChangeKind, Replay, replay
from gateway.doors.cli.options import LanguageChoice
from gateway.doors.cli.policy_checks import (
    Checked,
    find_opa_or_none,
    opa_checks,
    running_engines,
    scenario_checks,
)
from gateway.doors.cli.processes import ChildFailed
from gateway.doors.cli.show import EXIT_INVALID, Screen
from gateway.errors import GatewayError
from gateway.model.audit import EntryKind

commands = typer.Typer(no_args_is_help=True, help="策略 / the policies")
EXIT_DIFFERENT = 1

PoliciesOption = Annotated[
    Path | None,
    typer.Option("--policies", help="策略目录，缺省为随附策略 / directory of policies", exists=True, file_okay=False),
]
CatalogueOption = Annotated[
    Path | None,
    typer.Option("--catalogue", help="目录条目，缺省为随附目录 / catalogue entries", exists=True, file_okay=False),
]
_NO_OPA = Text(
    zh="OPA 检查与 OPA 引擎：找不到 opa，请运行 make opa 或设置 OPA_BINARY",
    en="OPA's checks and OPA as an engine: no 'opa' binary, run 'make opa' or set OPA_BINARY",
)
_CHANGES = {
    ChangeKind.NOW_DENIED: Text(zh="允许→拒绝", en="now denied"),
    ChangeKind.NOW_ALLOWED: Text(zh="拒绝→允许", en="now allowed"),
    ChangeKind.OTHER_CODES: Text(zh="拒绝理由不同", en="other reasons"),
    ChangeKind.TREATMENT: Text(zh="列处理不同", en="treatment"),
    ChangeKind.ROW_FILTER: Text(zh="行过滤不同", en="row filter"),
    ChangeKind.OBLIGATIONS: Text(zh="义务不同", en="obligations"),
    ChangeKind.NO_ANSWER: Text(zh="无有效答复", en="no answer"),
}


@commands.command("build")
def build(
    output: Annotated[Path, typer.Option(help="bundle.tar.gz")],
    signing_key: Annotated[Path, typer.Option(help="P-256 私钥 PEM / private key", exists=True, dir_okay=False)],
    sequence: Annotated[int, typer.Option(min=1, help="序号，须高于以往 / above every earlier one")],
    policies: PoliciesOption = None,
    catalogue: CatalogueOption = None,
    language: LanguageChoice = LanguageChoice.ZH,
) -> None:
    """构建并签名策略包 / build and sign the bundle that gateways and OPA servers load."""
    screen = Screen.make(language.value)
    with _mistakes(screen):
        bundle = _bundle(policies, catalogue=catalogue)
        EmbeddedPdp(bundle).close()
        built_at = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        signed = SignedBundle(bundle=bundle, sequence=sequence, built_at=built_at)
        content = encode_bundle(signed, key=load_signing_key(signing_key.read_bytes()))
        unfinished = output.with_name(f".{output.name}.{os.getpid()}.part")
        unfinished.write_bytes(content)
        os.replace(unfinished, output)
    screen.say(
        f"✓ {output}：版本 {bundle.revision}，序号 {sequence}，{len(content):,} 字节",
        f"✓ {output}: revision {bundle.revision}, sequence {sequence}, {len(content):,} bytes",
    )
    typer.echo(bundle.revision)


@commands.command("test")
def check(
    policies: PoliciesOption = None, catalogue: CatalogueOption = None, language: LanguageChoice = LanguageChoice.ZH
) -> None:
    """检验策略：OPA 检查与情景文件 / OPA's checks, and the scenario files through both engines. Exit 1 on a failure."""
    screen = Screen.make(language.value)
    with _mistakes(screen):
        outcomes = Counter(_shown(screen, checked) for checked in _checks(policies, catalogue=catalogue))
    passed, failed, skipped = outcomes[True], outcomes[False], outcomes[None]
    screen.say(f"通过 {passed}，失败 {failed}，跳过 {skipped}", f"{passed} passed, {failed} failed, {skipped} skipped")
    if failed:
        raise typer.Exit(EXIT_DIFFERENT)


@commands.command("diff")
def diff(
    new: Annotated[
        Path, typer.Argument(help="新策略目录 / directory of the new policies", exists=True, file_okay=False)
    ],
    log: Annotated[Path, typer.Option(help="日志目录 / directory of the access log", exists=True, file_okay=False)],
    catalogue: CatalogueOption = None,
    since: Annotated[datetime.datetime | None, typer.Option(help="起 / not before")] = None,
    entries_max: Annotated[int, typer.Option("--max", min=1, help="各类最多条数 / newest entries of a kind")] = 10_000,
    language: LanguageChoice = LanguageChoice.ZH,
) -> None:
    """新策略会改变哪些已记录的决定 / which recorded decisions new policies would change. Exit 1 when some do.

    读日志时不验证，见 gateway audit verify / the log is not verified here: see gateway audit verify.
    """
    screen = Screen.make(language.value)
    with _mistakes(screen):
        bundle = _bundle(new, catalogue=catalogue)
        from_time = int(since.timestamp()) if since else 0
        index = EntryIndex(log)
        entries = itertools.chain.from_iterable(
            search(index, filters=SearchFilters(kind=kind, from_time=from_time, entries_max=entries_max))
            for kind in (EntryKind.INTENT, EntryKind.DENIAL)
        )
        pdp = EmbeddedPdp(bundle)
        try:
            outcome = replay(entries, pdp=pdp, schema=load_input_schema(new))
        finally:
            pdp.close()
            index.close()
    _show_replay(screen, outcome, revision=bundle.revision)
    if outcome.changed:
        raise typer.Exit(EXIT_DIFFERENT)


@contextmanager
def _mistakes(screen: Screen) -> Iterator[None]:
    """End the command with a message when what it was given cannot be used."""
    try:
        yield
    except GatewayError as error:
        screen.say(f"✗ {error.message.zh} {error.internal}", f"✗ {error.message.en} {error.internal}")
        raise typer.Exit(EXIT_INVALID) from error
    except (CatalogueInvalid, ChildFailed, ValueError, OSError) as error:
        screen.say(f"✗ {error}", f"✗ {error}")
        raise typer.Exit(EXIT_INVALID) from error


def _bundle(policies: Path | None, *, catalogue: Path | None) -> PolicyBundle:
    return load_bundle(policies, catalogue=load_catalogue(catalogue))


def _checks(policies: Path | None, *, catalogue: Path | None) -> Iterator[Checked]:
    directory = policies or Path(str(files("policies")))
    schema, opa = load_input_schema(directory), find_opa_or_none()
    if opa:
        yield from opa_checks(opa, directory)
    else:
        yield Checked(what=_NO_OPA, passed=None)
    with (
        tempfile.TemporaryDirectory(prefix="sharing-policy-") as folder,
        running_engines(_bundle(policies, catalogue=catalogue), opa=opa, logs=Path(folder)) as engines,
    ):
        yield from scenario_checks(directory, engines=engines, schema=schema)


def _shown(screen: Screen, checked: Checked) -> bool | None:
    mark = {True: "✓", False: "✗", None: "– 跳过" if screen.language == "zh" else "– skipped"}[checked.passed]
    screen.out.print(f"{mark} {screen.words(checked.what)}", markup=False, soft_wrap=True)
    for line in checked.details:
        screen.out.print(f"    {line}", markup=False, soft_wrap=True)
    return checked.passed


def _show_replay(screen: Screen, outcome: Replay, *, revision: str) -> None:
    zh = screen.language == "zh"
    rows = [
        (
            screen.words(_CHANGES[change.kind]),
            "\n".join((change.office, change.purpose, change.dataset)).rstrip(),
            change.detail,
            str(occurrences.count),
            "\n".join(occurrences.entry_ids),
        )
        for change, occurrences in sorted(
            outcome.changes.items(), key=lambda item: (item[0].kind, -item[1].count, item[0].office, item[0].detail)
        )
    ]
    if rows:
        screen.table(
            ("变化", "单位、用途、数据集", "原 → 新", "次数", "日志条目")
            if zh
            else ("change", "office, purpose, dataset", "before → after", "times", "entries"),
            rows,
        )
    screen.say(
        f"策略 {revision}：比较 {outcome.compared:,} 项决定，{outcome.changed:,} 项会改变，"
        f"{outcome.not_comparable:,} 项的输入形式不同，无法比较",
        f"policies {revision}: {outcome.compared:,} decisions compared, {outcome.changed:,} would change, "
        f"{outcome.not_comparable:,} not comparable (another form of input)",
    )
