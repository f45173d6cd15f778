"""`gateway demo`: the whole story on real components, told as it happens; ends by itself."""

from __future__ import annotations

import datetime
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
import yaml

from gateway.doors.cli.local_city import LocalCity, PolicyEngine
from gateway.doors.cli.options import LanguageChoice
from gateway.doors.cli.processes import ChildFailed
from gateway.doors.cli.show import EXIT_DENIED, EXIT_UNAVAILABLE, Screen

LIVING_ALONE_OVER_80 = """\
SELECT r.name, r.birth_date, r.phone, r.resident_id, d.address, d.floor, d.has_elevator
FROM population.resident r
JOIN population.household h ON h.household_id = r.household_id
JOIN housing.dwelling d ON d.dwelling_code = r.dwelling_code
WHERE h.member_count = 1 AND r.birth_date <= current_date - INTERVAL 80 YEAR
ORDER BY r.birth_date LIMIT 8"""
ANOTHER_STREET = """\
SELECT name, phone, residence_address FROM population.resident
WHERE residence_division LIKE '310107%' OR 1 = 1 ORDER BY residence_division DESC LIMIT 3"""
AGE_BY_STREET = """\
SELECT sex, registration_kind, count(*) AS residents FROM population.resident GROUP BY sex, registration_kind"""
EVERYBODY = "SELECT name, phone, residence_address, birth_date FROM population.resident"
EPIDEMIC = ["--purpose", "epidemic-control"]
HEALTH_CODES = "SELECT name, colour FROM health.health_code WHERE colour <> 'green' LIMIT 5"
EMERGENCY = "huangpu-demo"
TAMPERED_AT = 0.5


def demo(
    residents: Annotated[int, typer.Option(min=1_000, help="样例城市人口 / size of the sample city")] = 100_000,
    policy: Annotated[PolicyEngine, typer.Option(help="策略引擎 / policy engine")] = PolicyEngine.EMBEDDED,
    language: LanguageChoice = LanguageChoice.ZH,
) -> None:
    """演示整个过程 / show the whole story."""
    screen = Screen.make(language.value)
    with tempfile.TemporaryDirectory(prefix="sharing-demo-") as folder:
        Path(folder).chmod(0o755)  # PostgreSQL runs as another user when this is root
        city = LocalCity(
            data=Path(folder), residents=residents, policy=policy, port=0, stop=threading.Event(), say=screen.say
        )
        try:
            city.start()
            _Story(screen=screen, city=city).tell()
        except ChildFailed as error:
            screen.say(f"✗ {error}", f"✗ {error}")
            raise typer.Exit(EXIT_UNAVAILABLE) from error
        finally:
            city.stop()
    screen.say("✓ 演示结束", "✓ the demo is over")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Story:
    screen: Screen
    city: LocalCity

    def tell(self) -> None:
        clerk, other = self._as("nanjing-east-road"), self._as("changfeng")
        elderly = ["--purpose", "elderly-care-visits"]
        self._chapter(
            "各部门连接器已登记、核对并启用", "the departments' connectors are registered, checked and active"
        )
        self._run(["registry", "list", *self._as("administrator")])
        self._chapter("街道办事员能以哪些用途查询", "for which purposes a street clerk may ask")
        self._run(["catalog", "purposes", *clerk])
        self._chapter("查询之前：会得到什么，依据是什么", "before asking: what one would get, and on which basis")
        self._run(["explain", *clerk, *elderly, LIVING_ALONE_OVER_80])
        self._chapter(
            "南京东路街道：独居八旬老人及其住房，跨公安与房管两部门",
            "Nanjing East Road: residents over 80 living alone with their dwellings, from two departments",
        )
        self._run(["query", *clerk, *elderly, LIVING_ALONE_OVER_80])
        self._chapter("同一语句，长风新村街道只看到自己的居民", "the same SQL: Changfeng sees its own residents only")
        self._run(["query", *other, *elderly, LIVING_ALONE_OVER_80])
        self._chapter("想看别的街道：一行也没有", "asking for another street's rows: they are not there")
        self._run(["query", *clerk, *elderly, ANOTHER_STREET])
        self._chapter(
            "黄浦区：人口统计，小于 10 人的组不放行",
            "Huangpu district: statistics, groups under 10 people are held back",
        )
        self._run(["query", *self._as("district-huangpu"), "--purpose", "population-statistics", AGE_BY_STREET])
        self._chapter("没有宣布突发事件：疫情防控用途被拒绝", "no emergency is declared: epidemic control is denied")
        self._run(["query", *clerk, *EPIDEMIC, HEALTH_CODES], expected=EXIT_DENIED)
        self._emergency(clerk)
        self._audit()

    def _emergency(self, clerk: list[str]) -> None:
        administrator, declaration = self._as("administrator"), self._declaration()
        self._chapter(
            "两名签署人离线签署、管理员宣布黄浦区应急状态：该用途只在该区、只在期间内有效",
            "two signers sign offline, the administrator declares an emergency in Huangpu: the purpose opens there, for a time",
        )
        signed = []
        for signer in ("emergency-signer-1", "emergency-signer-2"):
            key = str(self.city.data / "keys" / f"{signer}.pem")
            self._run(["emergency", "sign", str(declaration), "--key", key, "--signer", signer])
            signed.append(str(declaration.with_name(f"{declaration.stem}.{signer}.sig.json")))
        self._run(["emergency", "declare", str(declaration), *signed, *administrator])
        self._run(["query", *clerk, *EPIDEMIC, HEALTH_CODES])
        self._run(["query", *self._as("changfeng"), *EPIDEMIC, HEALTH_CODES], expected=EXIT_DENIED)
        self._chapter(
            "应急状态终止：再次拒绝，收到结果的单位欠一份销毁回执",
            "the emergency ends: denied again, and the recipient owes a destruction receipt",
        )
        self._run(["emergency", "end", EMERGENCY, "--reason", "演示结束 / end of the demo", *administrator])
        self._run(["query", *clerk, *EPIDEMIC, HEALTH_CODES], expected=EXIT_DENIED)
        self._run(["destruction", "owed", *clerk])

    def _declaration(self) -> Path:
        now = datetime.datetime.now(datetime.UTC).replace(microsecond=0)
        content = {
            "id": EMERGENCY,
            "title": {"zh": "演示", "en": "Demonstration"},
            "area": "310101",
            "purposes": ["epidemic-control"],
            "starts_at": now.isoformat(),
            "ends_at": (now + datetime.timedelta(days=1)).isoformat(),
        }
        path = self.city.data / f"{EMERGENCY}.yaml"
        path.write_text(yaml.safe_dump(content, allow_unicode=True, sort_keys=False), "utf-8")
        return path

    def _audit(self) -> None:
        self._chapter(
            "收到的文件：离线证明它就是所交付的数据", "a received file: proven offline to be what was delivered"
        )
        file, key = str(self.city.data / "residents.parquet"), ["--key", str(self._verification_key)]
        elderly = ["--purpose", "elderly-care-visits"]
        self._run(["query", *self._as("changfeng"), *elderly, "--output", file, EVERYBODY])
        self._run(["audit", "check-file", file, *key])
        self._chapter("副本泄露了：水印指认接收人", "a copy leaked: its marks name the recipient")
        self._run(["audit", "trace", file, *self._as("auditor")])
        self._chapter("审计员查询访问日志", "the auditor searches the access log")
        self._run(["audit", "search", *self._as("auditor")])
        self._chapter(
            "与各部门自存日志核对，并按当时的策略重新判定",
            "held against the departments' own logs, and decided again by the policy of the time",
        )
        self._run(["audit", "reconcile", *self._as("auditor")])
        self._run(["audit", "replay", *self._as("auditor")])
        self._chapter("审计员验证日志", "the auditor verifies the log")
        self._run(["audit", "verify", *key, *self._as("auditor")])
        self._chapter("有人改动了日志副本中的一个字节", "somebody flips one byte in a copy of the log")
        copy = self.city.data / "tampered"
        shutil.copytree(self.city.data / "audit", copy)
        segment = min(copy.glob("segment-*"))
        data = bytearray(segment.read_bytes())
        data[int(len(data) * TAMPERED_AT)] ^= 1
        segment.write_bytes(data)
        self._run(["audit", "verify", *key, "--log", str(copy)], expected=1)

    @property
    def _verification_key(self) -> Path:
        return self.city.data / "keys" / "audit-verification-key.txt"

    def _as(self, profile: str) -> list[str]:
        return ["--profile", str(self.city.profiles / f"{profile}.json")]

    def _chapter(self, zh: str, en: str) -> None:
        self.screen.out.rule(zh if self.screen.language == "zh" else en, align="left")

    def _run(self, arguments: Sequence[str], *, expected: int = 0) -> None:
        """Run one command of the command line and show it.

        Raises:
            ChildFailed: It did not end as expected.
        """
        shown = shlex.join(["gateway", *arguments]).replace(str(self.city.data), "DATA")
        self.screen.out.print(f"$ {shown}", markup=False, style="bold")
        sys.stdout.flush()

        ended = subprocess.run(
            [sys.executable, "-m", "gateway", *arguments, "--language", self.screen.language],
            env=os.environ | {"XDG_CONFIG_HOME": str(self.city.data / "user")},  # its datasets are nobody's own
            check=False,
        )
        if ended.returncode != expected:
            raise ChildFailed(f"gateway {arguments[0]}: {ended.returncode} ≠ {expected}")
