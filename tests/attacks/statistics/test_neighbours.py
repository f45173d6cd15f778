"""Random sessions on two databases that differ in one person: whatever is released, nobody can be found by comparing.

The sessions ask about residents, households, residents with their households, and leases, under two purposes, with counts of rows,
people and households and sums of rents. They do not cover what docs/statistics.md says is not protected: offices that collude,
three and more answers together, sums of some groups of an answer, changes over time; nor sums of counts of households that
overlap, purposes with different smallest groups, answers with several numbers, and what a refusal tells.
"""

from __future__ import annotations

import datetime
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

from gateway.errors import Denied
from gateway.messages import Reason
from tests.attacks.statistics.office import Database, Office, Rows, lease, resident, unguarded

PEOPLE_MIN = 10
SESSIONS, QUESTIONS = 12, 10
COMMITTEES = ["310101002001", "310101002002", "310101003001"]
VALUES: dict[str, list[Any]] = {
    "sex": ["1", "2", "9"],
    "residence_division": COMMITTEES,
    "registration_kind": ["registered", "migrant"],
    "birth_date": [datetime.date(year, 1, 1) for year in (1910, 1935, 1960, 1985, 2010)],
    "division_code": COMMITTEES,
    "household_kind": ["family", "collective"],
}
WEIGHTS = {
    "sex": [50, 49, 1],
    "residence_division": [50, 35, 15],
    "registration_kind": [90, 10],
    "birth_date": [1, 12, 30, 35, 22],
    "division_code": [50, 35, 15],
    "household_kind": [98, 2],
}
RESIDENT = ("sex", "residence_division", "registration_kind", "birth_date")
HOUSEHOLD = ("division_code", "household_kind")

Members = frozenset[tuple[str, int]]
"""Whom a number is about, and how often each counts."""
Known = tuple[Members, int | None]
"""Members of what was released, or of the rest of a total of one answer, which is named by its place."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """What a question may be about."""

    tables: str
    columns: tuple[str, ...]
    counted: dict[str, str]
    """For each aggregate the column that says whom it is about."""
    once: str
    """The column by which numbers add up, since everybody is in one cell."""
    purpose: str = "population-statistics"

    def rows(self, database: Database) -> Rows:
        """Return the joined rows, each with the ids of its people and households."""
        households = {row["household_id"]: row for row in database["population.household"]}
        if self.once == "household_id":
            return list(households.values())
        if self.once == "lessee_resident_id":
            return list(database["housing.lease"])
        return [{**row, **households[row["household_id"]]} for row in database["population.resident"]]


SOURCES = [
    Source(
        tables="population.resident",
        columns=RESIDENT,
        counted={"count(*)": "resident_id", "count(DISTINCT household_id)": "household_id"},
        once="resident_id",
    ),
    Source(
        tables="population.household",
        columns=HOUSEHOLD,
        counted={"count(*)": "household_id", "count(DISTINCT household_id)": "household_id"},
        once="household_id",
    ),
    Source(
        tables="population.resident JOIN population.household USING (household_id)",
        columns=RESIDENT + HOUSEHOLD,
        counted={"count(DISTINCT resident_id)": "resident_id", "count(DISTINCT household_id)": "household_id"},
        once="resident_id",
    ),
    Source(
        tables="housing.lease",
        columns=("division_code",),
        counted=dict.fromkeys(
            ("count(*)", "count(DISTINCT lessee_resident_id)", "sum(monthly_rent)"), "lessee_resident_id"
        ),
        once="lessee_resident_id",
        purpose="rental-statistics",
    ),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A number `n` about what the source counts, by `keys`, of the rows with the `allowed` values."""

    source: Source
    aggregate: str
    keys: tuple[str, ...]
    allowed: dict[str, tuple[object, ...]]
    ending: str

    @property
    def sql(self) -> str:
        conditions = [f"{c} IN ({', '.join(repr(str(v)) for v in values)})" for c, values in self.allowed.items()]
        where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
        by = f"GROUP BY {', '.join(self.keys)}" if self.keys else ""
        selected = ", ".join([*self.keys, f"{self.aggregate} AS n"])
        return f"SELECT {selected} FROM {self.source.tables} {where} {by} {self.ending}"

    def rows(self, database: Database, cell: dict[str, object]) -> Rows:
        """Return the rows behind an answered cell, or behind a total with some of the keys."""
        return [
            row
            for row in self.source.rows(database)
            if all(row[c] in values for c, values in self.allowed.items())
            and all(row[k] == cell[k] for k in self.keys if k in cell)
        ]

    def number(self, rows: Rows) -> int:
        """Return what the answer must say of some rows."""
        if self.aggregate.startswith("sum"):
            return sum(min(row["monthly_rent"], 20_000) for row in rows)
        return sum(self.known(rows).values())

    def known(self, rows: Rows) -> Counter[str]:
        """Return whom the number of some rows is about."""
        members = Counter(row[self.source.counted[self.aggregate]] for row in rows)
        return Counter(set(members)) if "DISTINCT" in self.aggregate else members


def made_up_city(rng: random.Random) -> Database:
    size = rng.randrange(150, 400)

    def values(columns: tuple[str, ...]) -> dict[str, Any]:
        return {column: rng.choices(VALUES[column], WEIGHTS[column])[0] for column in columns}

    people = [
        resident(i, **values(RESIDENT), household_id=f"household-{rng.randrange(size // 2)}") for i in range(size)
    ]
    households = [{"household_id": id, **values(HOUSEHOLD)} for id in sorted({p["household_id"] for p in people})]
    leases = [
        lease(i, **values(("division_code",)), lease_id=f"{i}-{j}", monthly_rent=rng.randrange(500, 30_000))
        for i in range(size)
        for j in range(rng.choices([0, 1, 2], [20, 65, 15])[0])
    ]
    return {"population.resident": people, "population.household": households, "housing.lease": leases}


def without(database: Database, person: str) -> Database:
    """Return the database without a person, the person's leases and a household of nobody else."""
    people = [row for row in database["population.resident"] if row["resident_id"] != person]
    inhabited = {row["household_id"] for row in people}
    return {
        "population.resident": people,
        "population.household": [r for r in database["population.household"] if r["household_id"] in inhabited],
        "housing.lease": [row for row in database["housing.lease"] if row["lessee_resident_id"] != person],
    }


def question(rng: random.Random) -> Question:
    source = rng.choice(SOURCES)
    aggregate = rng.choice(list(source.counted))
    columns = list(source.columns)
    keys = tuple(rng.sample(columns, k=min(len(columns), rng.choice([0, 1, 1, 2, 2, 3]))))
    allowed = {
        column: tuple(rng.sample(VALUES[column], k=rng.randrange(1, len(VALUES[column]))))
        for column in rng.sample(columns, k=min(len(columns), rng.choice([0, 0, 1, 1, 2])))
    }
    endings = ["", "", f"HAVING {aggregate} < 60", "ORDER BY n DESC", "ORDER BY n LIMIT 2", "LIMIT 3 OFFSET 1"]
    return Question(source=source, aggregate=aggregate, keys=keys, allowed=allowed, ending=rng.choice(endings))


def session(office: Office, questions: list[Question]) -> Iterator[Rows | None]:
    """Yield each answer, None where the ledger refuses."""
    for asked in questions:
        try:
            yield replace(office, purpose=asked.source.purpose).ask(asked.sql)
        except Denied as denied:
            if denied.reason is not Reason.STATISTICS_DIFFERENCING:
                raise
            yield None


def known_sets(place: int, asked: Question, answer: Rows, database: Database) -> Iterator[Known]:
    """Yield who is behind each released cell and, where numbers add up, behind those of each total and behind its rest."""
    cells = [(cell, asked.known(asked.rows(database, cell))) for cell in answer]
    for _, members in cells:
        yield frozenset(members.items()), None
    if asked.ending or asked.source.once != asked.source.counted[asked.aggregate]:
        return
    for length in range(len(asked.keys)):
        for subset in combinations(asked.keys, length):
            totals: dict[tuple[object, ...], Counter[str]] = {}
            for cell, members in cells:
                totals.setdefault(tuple(cell[k] for k in subset), Counter()).update(members)
            for total, members in totals.items():
                yield frozenset(members.items()), None
                everybody = asked.known(asked.rows(database, dict(zip(subset, total, strict=True))))
                if everybody != members:
                    yield frozenset((everybody - members).items()), place


def changed(answer: Rows, other: Rows) -> Rows:
    """Return the cells that only one of two answers has."""
    return [cell for cell in answer if cell not in other] + [cell for cell in other if cell not in answer]


def smallest_difference(sets: set[Known]) -> int:
    """Return the smallest number of people who count differently in two numbers, but not in two rests of one answer."""
    differences = (
        len({person for person, _ in a ^ b})
        for (a, rest), (b, other_rest) in combinations(sets, 2)
        if a != b and (rest is None or rest != other_rest)
    )
    return min(differences, default=PEOPLE_MIN)


def test_nobody_is_found_by_subtraction_or_by_one_persons_absence(office_of):
    """Released numbers are exact, no two differ by fewer people than a group needs, and no one person changes a small one.

    Most questions are answered all the same.
    """
    answered: Counter[bool] = Counter()
    for seed in range(SESSIONS):
        rng = random.Random(seed)
        database = made_up_city(rng)
        questions = [question(rng) for _ in range(QUESTIONS)]
        neighbour = without(database, rng.choice(database["population.resident"])["resident_id"])
        answers = list(session(office_of(database), questions))
        others = list(session(office_of(neighbour), questions))
        known: set[Known] = set()
        for place, (asked, answer, other) in enumerate(zip(questions, answers, others, strict=True)):
            answered[answer is not None] += 1
            for cell in answer or ():
                assert cell["n"] == asked.number(asked.rows(database, cell))
            for cell in changed(answer or [], other or []):
                assert len(asked.known(asked.rows(database, cell))) >= PEOPLE_MIN
            known.update(known_sets(place, asked, answer or [], database))
        assert smallest_difference(known) >= PEOPLE_MIN
    assert answered[True] > answered[False]


def test_twin_without_the_ledger_people_are_found_by_subtraction(office_of):
    """The same sessions with the ledger off release numbers that differ by fewer people."""
    found = 0
    for seed in range(SESSIONS):
        rng = random.Random(seed)
        database = made_up_city(rng)
        questions = [question(rng) for _ in range(QUESTIONS)]
        answers = session(unguarded(office_of(database)), questions)
        known: set[Known] = set()
        for place, (asked, answer) in enumerate(zip(questions, answers, strict=True)):
            known.update(known_sets(place, asked, answer or [], database))
        found += smallest_difference(known) < PEOPLE_MIN
    assert found > 0
