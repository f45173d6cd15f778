"""Policy inputs over the real catalogue: sensible ones, nearly sensible ones and nonsense."""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator
from typing import Any

from catalog.catalogue import Catalogue
from catalog.purpose import DatasetNeed, Purpose
from catalog.vocabulary import ColumnAction, ColumnUse, OfficeKind, Role

_USES = [str(use) for use in ColumnUse]
_JUNK: list[Any] = [
    None,
    True,
    False,
    0,
    -1,
    7,
    2**40,
    "",
    " ",
    "31",
    "x",
    "general-2",
    [],
    ["x"],
    {},
    {"x": 1},
    "说明",
]
_NAMES = ["nonsense", "population.resident.nonsense", "no.such", "health.health_code.nonsense", "a.b.c.d", "名字", "?"]
_CASES = ["SA-2026-000123", "SA-2026-000123", "SA-2026-000123", "", "SA-2026-12", "SA-2026-000123 "]
_DIVISIONS = {
    "street": ["310101002"],
    "district": ["310101", "310104"],
    "city": ["31"],
    "department": ["31"],
    "audit": ["31"],
}
_NOW = 1_750_000_000
_DEPARTMENTS = ["audit_office", "civil_affairs", "health", "housing", "market_supervision", "public_security"]


def generated_inputs(catalogue: Catalogue, *, seed: int, count: int) -> Iterator[dict[str, Any]]:
    """Yield `count` inputs; every third is changed at random places."""
    generator = _Generator(catalogue, random.Random(seed))
    for number in range(count):
        document = generator.document()
        for _ in range(generator.random.randint(1, 2) if number % 3 == 2 else 0):
            spoil(document, generator.random)
        yield document


def spoil(document: Any, random_: random.Random) -> None:
    """Remove, replace or repeat something somewhere in a JSON document."""
    node = document
    while True:
        keys = list(node) if isinstance(node, dict) else list(range(len(node)))
        if not keys:
            return
        key = random_.choice(keys)
        if isinstance(node[key], dict | list) and node[key] and random_.random() < 0.8:
            node = node[key]
            continue
        match random_.randrange(3):
            case 0:
                del node[key]
            case 1:
                node[key] = copy.deepcopy(random_.choice(_JUNK))
            case _ if isinstance(node, list):
                node.append(copy.deepcopy(node[key]))
            case _:
                node[f"{key}_"] = node[key]
        return


class _Generator:
    def __init__(self, catalogue: Catalogue, random_: random.Random) -> None:
        self.catalogue = catalogue
        self.random = random_

    def mostly(self, usual: Any, *others: Any) -> Any:
        """Return `usual` nineteen times of twenty."""
        return usual if self.random.random() < 0.95 else self.random.choice(others)

    def document(self) -> dict[str, Any]:
        purpose = self.random.choice(list(self.catalogue.purposes.values()))
        kind = self.mostly(str(self.random.choice(sorted(purpose.office_kinds))), *map(str, OfficeKind))
        time = self.mostly(_NOW, 1_600_000_000)
        division = self.random.choice(_DIVISIONS[kind])
        datasets = self.datasets(purpose)
        return {
            "requester": {
                "subject": "someone",
                "office": division,
                "office_kind": kind,
                "division_code": division,
                "roles": self.mostly(["clerk"], sorted(self.random.sample([str(role) for role in Role], 2))),
                "clearance": self.random.choice(
                    ["general-4", "general-4", "general-3", "general-2", "core", "general-1"]
                ),
                "revoked": self.mostly(False, True),
            },
            "purpose": self.mostly(purpose.id, "", "no-such-purpose"),
            "case": self.random.choice(_CASES if purpose.case_required else ["", "", "", "编号 7"]),
            "context": {
                "time": time,
                "channel": self.mostly(self.random.choice(["flight_sql", "console", "explain"]), "fax"),
                "case_state": self.random.choice(["open", "unchecked", "unchecked", "closed", "unknown"]),
                "purpose_revoked": self.mostly(False, True),
                "emergencies": self.emergencies(time, purpose=purpose),
                "agreements": self.agreements(
                    time, purpose=purpose, datasets=[dataset["name"] for dataset in datasets]
                ),
                "stops": self.stops(office=division, datasets=datasets),
                "usage": self.usage(purpose),
            },
            "query": {
                "aggregate_only": purpose.aggregate_only if self.random.random() < 0.9 else not purpose.aggregate_only,
                "unknown_names": sorted(self.random.sample(_NAMES, self.mostly(0, 1, 2))),
                "datasets": datasets,
            },
        }

    def emergencies(self, time: int, *, purpose: Purpose) -> list[dict[str, Any]]:
        return [
            {
                "id": f"e{number}",
                "area": self.random.choice(["31", "310101", "310104"]),
                "purposes": self.mostly(sorted({"epidemic-control", purpose.id}), ["epidemic-control"], []),
                "starts_at": time - 10,
                "ends_at": time + self.mostly(self.random.randint(1, 9), 0),
            }
            for number in range(self.random.choice([0, 1, 2, 3] if purpose.emergency_required else [0, 0, 1]))
        ]

    def agreements(self, time: int, *, purpose: Purpose, datasets: list[str]) -> list[dict[str, Any]]:
        """Mostly agreements with which the query is covered, sometimes twice."""
        return [
            {
                "id": f"a{number}",
                "controller": self.mostly(self.catalogue.datasets[name].controller, *_DEPARTMENTS),
                "recipient": self.mostly("31", "310104", "310101"),
                "office": self.mostly("", "310101002", "310104001"),
                "columns": self.mostly(
                    [],
                    [f"{name}.{column.name}" for column in self.catalogue.datasets[name].columns],
                    [f"{name}.no_such_column"],
                ),
                "datasets": self.mostly([name], ["no.such"]),
                "purposes": self.mostly([purpose.id], ["grid-inspection"], []),
                "valid_from": time - self.mostly(10, -10),
                "valid_until": time + self.mostly(10, 0),
            }
            for number, name in enumerate(sorted([*datasets, *self.mostly([], datasets)]))
        ]

    def stops(self, *, office: str, datasets: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Mostly none; some of what the query uses, some of something else."""
        stops = []
        for dataset in datasets if self.random.random() < 0.05 else ():
            controller = self.catalogue.datasets[dataset["name"]].controller
            columns = [column["name"] for column in dataset["columns"]] or ["nonsense"]
            kind, target = self.random.choice(
                [
                    ("dataset", dataset["name"]),
                    ("column", f"{dataset['name']}.{self.random.choice(columns)}"),
                    ("office", self.mostly(office, "310107014")),
                    ("agreement", "a0"),
                    ("agreement", "a1"),
                ]
            )
            stops.append({"kind": kind, "controller": self.mostly(controller, *_DEPARTMENTS), "target": target})
        return stops

    def usage(self, purpose: Purpose) -> dict[str, int]:
        most = purpose.quota
        return {
            "rows": self.mostly(self.random.choice([0, 3]), most.rows_per_day_max, most.rows_per_day_max - 1),
            "lookups": self.mostly(0, (most.lookups_per_day_max or 1) - 1, most.lookups_per_day_max or 1),
        }

    def datasets(self, purpose: Purpose) -> list[dict[str, Any]]:
        needs = {need.dataset: need for need in purpose.datasets}
        names = sorted(needs if self.random.random() < 0.9 else self.catalogue.datasets)
        chosen = sorted(self.random.sample(names, min(self.random.choice([1, 1, 2, 3]), len(names))))
        return [self.dataset(name, needs.get(name), aggregate_only=purpose.aggregate_only) for name in chosen]

    def dataset(self, name: str, need: DatasetNeed | None, *, aggregate_only: bool) -> dict[str, Any]:
        catalogued = self.catalogue.datasets[name]
        treatments = need.columns if need else {}
        key = next((column for column, t in treatments.items() if t.action is ColumnAction.LOOKUP), None)
        known = (
            sorted(set(treatments) - {key})
            if need and self.random.random() < 0.9
            else [c.name for c in catalogued.columns]
        )
        columns = {
            column: sorted(self.random.sample(_USES, self.random.choice([1, 1, 2])))
            for column in self.random.sample(known, self.random.randint(0, min(6, len(known))))
        }
        if aggregate_only and self.random.random() < 0.8:
            columns = {c.name: ["grouped", "selected"] for c in catalogued.columns if c.name in columns and c.groupable}
            columns |= {catalogued.entity_key: self.mostly(["counted"], ["counted", "joined"], ["filtered"])}
            columns |= {
                c.name: self.mostly(["summed"], ["aggregated"])
                for c in catalogued.columns
                if c.clamp and c.name in known
            }
        values = {}
        if key is not None:
            columns[key] = self.mostly(["looked_up"], ["looked_up", "selected"], ["filtered"])
            values = {key: self.random.choice([1, 1, 1, 2, 10, 11, 0])}
        return {
            "name": name,
            "lookup_values": self.mostly(values, {}),
            "consents": self.random.choice([0, 1, *values.values()]),
            "columns": [{"name": column, "uses": uses} for column, uses in sorted(columns.items())],
        }
