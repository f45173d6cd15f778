"""The command line of the sample city."""

from __future__ import annotations

import contextlib
import fcntl
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from catalog.load import load_catalogue
from connectors.sample_city.city import CityPlan, generate, is_generated
from connectors.sample_city.databases import Databases, fingerprint
from connectors.sample_city.departments import read_departments
from connectors.sample_city.postgresql_server import ServerError

READY: Final = "READY"
app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def run(
    *,
    data: Annotated[
        Path, typer.Option(help="城市、数据库和连接器配置的目录 / folder of the city, databases and configurations")
    ],
    residents: Annotated[int, typer.Option(min=1, help="居民人数 / number of residents")] = 100_000,
    seed: Annotated[
        int, typer.Option(min=0, help="随机种子：相同种子生成相同城市 / the same seed gives the same city")
    ] = 1,
    gateway: Annotated[str, typer.Option(help="网关地址 / address of the gateway")] = "127.0.0.1:8815",
    generate_only: Annotated[
        bool, typer.Option("--generate-only", help="只生成样例文件 / only make the sample files")
    ] = False,
) -> None:
    """生成样例城市并启动各部门数据库，就绪后输出 READY。 / Make a sample city, start the departments' databases, print READY."""
    data = data.resolve()
    data.mkdir(parents=True, exist_ok=True)
    signal.signal(signal.SIGTERM, _interrupt)
    plan = CityPlan(residents=residents, seed=seed)
    try:
        with _alone_in(data):
            _generate(data / "city", plan=plan)
            if not generate_only:
                _serve(data, plan=plan, gateway=gateway)
    except KeyboardInterrupt:
        _tell("已中断", en="interrupted")
        raise typer.Exit(130) from None
    except (OSError, ValueError, ServerError) as error:
        _tell("无法继续", en=f"cannot go on: {error}")
        raise typer.Exit(1) from error


def _generate(city: Path, *, plan: CityPlan) -> None:
    if is_generated(city, plan=plan):
        return
    with _Report(total=plan.residents) as report:
        rows = generate(city, plan=plan, progress=report.district)
    count = sum(rows.values())
    _tell(
        f"已生成 {plan.residents} 名居民，共 {count} 行",
        en=f"generated {plan.residents} residents, {count} rows in all",
    )


def _serve(data: Path, *, plan: CityPlan, gateway: str) -> None:
    departments = read_departments(load_catalogue().datasets)
    with Databases(data / "databases", departments=departments) as databases:
        _tell("正在准备各部门数据库", en="preparing the departments' databases")
        databases.open(
            data / "city",
            made_from=fingerprint(plan, departments=departments),
            progress=lambda department: _tell(f"数据库已装载：{department}", en=f"loaded: {department}"),
        )
        databases.write_configs(data / "connectors", data=data, gateway=gateway)
        print(READY, flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            signal.pause()
        _tell("正在停止", en="stopping")


class _Report:
    """Progress of the generation: a bar on a terminal, otherwise a line per district."""

    def __init__(self, *, total: int) -> None:
        console = Console(stderr=True)
        columns = (
            TextColumn("生成样例城市 / generating"),
            BarColumn(),
            TextColumn("{task.description}"),
            TimeElapsedColumn(),
        )
        self._bar = Progress(*columns, console=console, disable=not console.is_terminal)
        self._task: TaskID = self._bar.add_task("", total=total)
        self._last = ""

    def __enter__(self) -> _Report:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def district(self, done: int, total: int, title: str) -> None:
        """Show that `done` of `total` residents exist and the district of that title is next."""
        self._bar.update(self._task, completed=done, description=title)
        if self._bar.disable and title and title != self._last:
            _tell(f"正在生成 {title}", en=f"generating, {done} of {total} residents done")
        self._last = title


@contextlib.contextmanager
def _alone_in(data: Path) -> Iterator[None]:
    """Hold the folder for this process. Raises OSError when another sample city runs there."""
    with (data / "sample-city.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise OSError(f"{data}：已有样例城市在运行 / another sample city runs here") from error
        yield


def _interrupt(signal_number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _tell(zh: str, *, en: str) -> None:
    print(f"{zh} / {en}", file=sys.stderr, flush=True)
