"""Every SQL attack of `attacks/sql/attacks.yaml` through the whole running gateway, against canaries in real department databases.

Canaries are names and phones of people of other streets, and full resident IDs of anybody. The twin runs the same SQL on the
same rows without a gateway.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest
import yaml

from gateway.client import RequestError
from tests.cities import City

CASES = [
    attack
    for family in yaml.safe_load((Path(__file__).parents[1] / "sql" / "attacks.yaml").read_text("utf-8"))
    for attack in family["attacks"]
]
ATTACKS = [case["sql"] for case in CASES]
WORKING_ON_RAW_TABLES = [case["sql"] for case in CASES if "raw" in case]
STREET, OTHER_STREET = "310101002", "310107014"
LEAKING_TWINS_MIN = 30


@dataclass(frozen=True)
class Canaries:
    values: frozenset[str]
    phone: str
    """Phone of one hidden resident."""

    def found(self, text: str) -> set[str]:
        """Return the canaries that stand in a text as whole words."""
        return {word for word in re.split(r"[^\w*]+", text) if word in self.values}

    def aim(self, sql: str, folder: Path) -> str:
        """Point an attack at a hidden resident and at files that exist."""
        (folder / "secret.csv").write_text("a\nFILECONTENT\n", "utf-8")
        replaced = sql.replace("{file}", str(folder / "secret.csv")).replace("{out}", str(folder / "out.db"))
        return replaced.replace("13900000000", self.phone).replace("310104", OTHER_STREET[:6])


@pytest.fixture(scope="module")
def canaries(city: City) -> Canaries:
    rows = city.truth(
        f"SELECT name, phone, resident_id, starts_with(residence_division, '{STREET}') FROM population.resident"
    )
    own_names = {name for name, *_, own in rows if own}
    own_phones = {phone for _, phone, _, own in rows if own}
    names = {name for name, *_, own in rows if not own} - own_names
    phones = {phone for _, phone, _, own in rows if not own and phone} - own_phones
    ((phone,),) = city.truth(
        f"SELECT min(phone) FROM population.resident WHERE starts_with(residence_division, '{OTHER_STREET}')"
    )
    return Canaries(frozenset({"FILECONTENT"} | names | phones | {row[2] for row in rows}), phone)


def told(city: City, sql: str, purpose: str) -> str:
    """Return everything that a requester gets to see."""
    try:
        answer = city.ask(sql, purpose=purpose)
    except RequestError as error:
        return f"{error.text} {error.reasons}"
    return f"{answer.table.to_pylist()} {answer.table.schema} {answer.receipt}"


@pytest.mark.parametrize(
    "purpose", ["elderly-care-visits", "grid-inspection", "epidemic-control", "population-statistics"]
)
def test_no_attack_shows_a_canary(city, canaries, purpose, tmp_path):
    """Nothing that comes back from any attack, answer or error, holds a canary; the clerk's own attack text is not counted."""
    leaks = {}
    for attack in ATTACKS:
        sql = canaries.aim(attack, tmp_path)
        found = canaries.found(told(city, sql, purpose)) - canaries.found(sql)
        if found:
            leaks[sql] = found
    assert leaks == {}


def test_twin_without_a_gateway_the_attacks_do_show_canaries(city, canaries, tmp_path):
    """The same statements straight on the rows leak, so the test above can fail."""
    leaking = []
    for attack in WORKING_ON_RAW_TABLES:
        sql = canaries.aim(attack, tmp_path)
        try:
            shown = str(city.truth(sql, sample="USING SAMPLE 200 ROWS (reservoir, 1)"))  # some attacks multiply rows
        except duckdb.Error as error:
            shown = str(error)
        if canaries.found(shown) - canaries.found(sql):
            leaking.append(sql)
    assert len(leaking) >= LEAKING_TWINS_MIN


def test_after_all_attacks_the_log_verifies_and_holds_no_canary(city, canaries, tmp_path):
    """What the attackers wrote into their statements, ID numbers and phones, is not in the log."""
    ((resident_id,),) = city.truth("SELECT min(resident_id) FROM population.resident")
    for sql in (
        f"SELECT name FROM population.resident WHERE resident_id = '{resident_id}'",
        f"SELECT colour FROM health.health_code WHERE resident_id = '{resident_id}'",
        f"SELECT '{canaries.phone}' AS \"{canaries.phone}\" FROM population.resident",
        f'SELECT name FROM "{resident_id}".x',
    ):
        for purpose in ("elderly-care-visits", "venue-verification"):
            told(city, sql, purpose)
    log = "".join(path.read_text("utf-8", "replace") for path in (city.data / "audit").glob("segment-*"))
    assert canaries.phone not in log
    assert resident_id not in log
    key = str(city.data / "keys" / "audit-verification-key.txt")
    assert city.cli("audit", "verify", "--key", key, who="auditor").returncode == 0
