"""A venue's door: one person's code by number, never a list, and not without end."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.cities import PERMISSION_DENIED, City
from tests.governing import declare_emergency, end_emergency

VENUE, CLERK = "venue-verification", "changfeng"
BY_NUMBER = "SELECT colour, status FROM health.health_code WHERE resident_id = "


@pytest.fixture(scope="module")
def venue_city(city: City) -> Iterator[City]:
    """The city while venues check codes."""
    declare_emergency(city, "putuo-2026", area="310107", purposes=(VENUE,))
    yield city
    end_emergency(city, "putuo-2026")


@pytest.fixture(scope="module")
def people(venue_city: City) -> list[tuple[str, str, str]]:
    """Numbers, colours and states of people, from the sample files."""
    return venue_city.truth("SELECT resident_id, colour, status FROM health.health_code ORDER BY resident_id LIMIT 300")


def refusal_code(city: City, sql: str) -> str:
    error = city.refusal(sql, purpose=VENUE, who=CLERK)
    assert error.status is PERMISSION_DENIED
    return error.reasons[0].code


def test_one_number_gives_colour_and_state(venue_city, people):
    """Also of a visitor from another district."""
    number, colour, status = people[0]
    answer = venue_city.ask(f"{BY_NUMBER}'{number}'", purpose=VENUE, who=CLERK)
    assert answer.table.column_names == ["colour", "status"]
    assert answer.rows == [(colour, status)]


def test_a_number_that_nobody_has_gives_no_row(venue_city):
    """Not an error: the person has no code."""
    assert venue_city.ask(f"{BY_NUMBER}'11010519491231002X'", purpose=VENUE, who=CLERK).rows == []


@pytest.mark.parametrize(
    ("sql", "code"),
    [
        ("SELECT colour, status FROM health.health_code", "LOOKUP_ONLY"),
        ("SELECT count(*) FROM health.health_code", "LOOKUP_ONLY"),
        ("SELECT colour FROM health.health_code WHERE resident_id LIKE '3101%'", "LOOKUP_ONLY"),
        ("SELECT colour FROM health.health_code WHERE starts_with(resident_id, '3101')", "LOOKUP_ONLY"),
        ("SELECT colour FROM health.health_code WHERE resident_id > '3101'", "LOOKUP_ONLY"),
        ("SELECT colour FROM health.health_code WHERE resident_id BETWEEN '31' AND '32'", "LOOKUP_ONLY"),
        ("SELECT colour FROM health.health_code WHERE resident_id <> '1'", "LOOKUP_ONLY"),
        ("SELECT colour FROM health.health_code WHERE NOT resident_id = '1'", "LOOKUP_ONLY"),
        ("SELECT colour FROM health.health_code WHERE resident_id = '1' OR colour = 'red'", "LOOKUP_ONLY"),
        ("SELECT colour FROM health.health_code WHERE resident_id = resident_id", "LOOKUP_ONLY"),
        ("SELECT resident_id, colour FROM health.health_code WHERE resident_id = '1'", "LOOKUP_ONLY"),
        ("SELECT colour FROM health.health_code WHERE resident_id IN ('1', '2')", "LOOKUP_TOO_MANY"),
        ("SELECT name, colour FROM health.health_code WHERE resident_id = '1'", "NOT_AVAILABLE"),
        ("SELECT phone FROM health.health_code WHERE resident_id = '1'", "NOT_AVAILABLE"),
        ("SELECT reason FROM health.health_code WHERE resident_id = '1'", "NOT_AVAILABLE"),
        ("SELECT residence_division FROM health.health_code WHERE resident_id = '1'", "NOT_AVAILABLE"),
        (
            "SELECT colour FROM health.health_code WHERE resident_id = '1' "
            "UNION ALL SELECT colour FROM health.health_code WHERE resident_id = '2'",
            "LOOKUP_ONLY",
        ),
    ],
)
def test_lists_ranges_and_further_columns_are_refused(venue_city, sql, code):
    """Whatever is tried instead of one number."""
    assert refusal_code(venue_city, sql) == code


def test_an_or_chain_of_numbers_is_no_way_around(venue_city, people):
    """An OR of equalities is refused like a list of numbers."""
    numbers = " OR ".join(f"resident_id = '{number}'" for number, _, _ in people[:3])
    assert refusal_code(venue_city, f"SELECT colour FROM health.health_code WHERE {numbers}").startswith("LOOKUP_")


def test_repeated_look_ups_end_with_the_days_quota(venue_city, people):
    """The 200 look-ups of a day, then none; another purpose is not touched, and the log says why."""
    limit = 200
    used = len(venue_city.entries(kind="intent", purpose=VENUE, requester=CLERK))
    for number, _, _ in people[: limit - used]:
        venue_city.ask(f"{BY_NUMBER}'{number}'", purpose=VENUE, who=CLERK)
    assert refusal_code(venue_city, f"{BY_NUMBER}'{people[0][0]}'") == "QUOTA_EXCEEDED"
    assert venue_city.entries(kind="denial", purpose=VENUE)[-1]["body"]["denials"][0]["code"] == "QUOTA_EXCEEDED"
    assert venue_city.ask("SELECT count(*) FROM population.household", purpose="elderly-care-visits", who=CLERK).rows
