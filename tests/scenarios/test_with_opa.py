"""The main cases again with a real OPA server deciding."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from gateway.doors.cli.local_city import PolicyEngine
from tests.cities import City, running_city
from tests.opa_binary import opa_binary

ELDERLY, STREET, OTHER_STREET = "elderly-care-visits", "310101002", "310107014"

pytestmark = pytest.mark.opa


@pytest.fixture(scope="module")
def opa_city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OPA_BINARY", opa_binary())
        with running_city(tmp_path_factory.mktemp("city"), residents=20_000, policy=PolicyEngine.OPA) as city:
            yield city


def test_a_clerk_gets_own_street_only(opa_city):
    """The street's own numbers, and none of another street's rows."""
    ((own,),) = opa_city.truth(
        f"SELECT count(*) FROM population.resident WHERE starts_with(residence_division, '{STREET}')"
    )
    assert opa_city.ask("SELECT count(*) FROM population.resident", purpose=ELDERLY).rows == [(own,)]
    other = f"SELECT name FROM population.resident WHERE residence_division LIKE '{OTHER_STREET}%'"
    assert opa_city.ask(other, purpose=ELDERLY).rows == []
    assert opa_city.truth(other)


def test_a_denial_has_code_reason_basis_and_remedy(opa_city):
    """Exit 3 with both languages, as with the embedded engine."""
    sql = "SELECT colour FROM health.health_code"
    ended = opa_city.cli("query", "--purpose", "epidemic-control", sql, who="nanjing-east-road")
    assert ended.returncode == 3
    for text in ("EMERGENCY_NOT_DECLARED", "原因", "Reason", "依据", "Legal basis", "办法", "What to do"):
        assert text in ended.stderr


def test_entries_name_the_revision_that_opa_decided_with(opa_city, city):
    """The same policies and catalogue have the same revision in both engines."""
    asked = "SELECT count(*) FROM population.household"
    revisions = set()
    for each in (opa_city, city):
        entry = each.ask(asked, purpose=ELDERLY).receipt["entry"]
        revisions |= {e["body"]["policy_revision"] for e in each.entries(kind="intent") if e["entry_id"] == entry}
    assert len(revisions) == 1
