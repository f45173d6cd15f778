"""Random statements over four datasets: joins, subqueries, CTEs, set operations, aliases that collide on purpose."""

from __future__ import annotations

import random

DATASETS = {
    "population.resident": ("resident_id", "name", "sex", "phone", "household_id", "dwelling_code"),
    "population.household": ("household_id", "dwelling_code", "household_kind", "head_name"),
    "housing.lease": ("lease_id", "dwelling_code", "lessee_name", "lessee_phone", "lessee_resident_id"),
    "health.health_code": ("resident_id", "name", "phone", "colour"),
}
Source = tuple[str, tuple[str, ...]]
"""Alias and columns."""


class StatementMaker:
    """Makes one statement per seed."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.ctes: dict[str, tuple[str, ...]] = {}
        self.aliases = 0

    def statement(self) -> str:
        parts = []
        for name in self.random.sample(["resident", "x", "w"], self.random.choice([0, 0, 1, 2])):
            sql, columns = self.query(1, ())
            parts.append(f"{name} AS ({sql})")
            self.ctes[name] = columns
        sql, _ = self.query(2, ())
        return f"WITH {', '.join(parts)} {sql}" if parts else sql

    def query(self, depth: int, outer: tuple[Source, ...], width: int | None = None) -> tuple[str, tuple[str, ...]]:
        if depth and self.random.random() < 0.15:
            width = width or self.random.randint(1, 2)
            operator = self.random.choice(["UNION", "UNION ALL", "EXCEPT", "INTERSECT"])
            left, columns = self.query(depth - 1, outer, width)
            return f"({left}) {operator} ({self.query(depth - 1, outer, width)[0]})", columns
        tables, sources = self.tables(depth)
        keys = [self.column(sources) for _ in range(2)] if self.random.random() < 0.25 else []
        if not keys and width is None and self.random.random() < 0.15:
            items, names = ["*"], [column for _, columns in sources for column in columns]
        else:
            made = [self.projection(sources, outer, depth, keys) for _ in range(width or self.random.randint(1, 3))]
            items, names = [item for item, _ in made], [name for _, name in made]
        distinct = self.random.choice(["", "", "DISTINCT "])
        sql = f"SELECT {distinct}{', '.join(items)} FROM {tables}"
        if self.random.random() < 0.6:
            sql += " WHERE " + " AND ".join(
                self.condition(sources, outer, depth) for _ in range(self.random.randint(1, 2))
            )
        if keys:
            sql += f" GROUP BY {', '.join(keys)}" + self.random.choice(["", f" HAVING {names[0]} IS NOT NULL"])
        return sql + self.random.choice(["", "", "", f" ORDER BY {names[0]}", " ORDER BY 1"]), tuple(names)

    def tables(self, depth: int) -> tuple[str, tuple[Source, ...]]:
        sql, source = self.table(depth)
        sources = [source]
        for _ in range(self.random.choice([0, 0, 1, 2])):
            table, source = self.table(depth)
            shared = [column for column in source[1] if any(column in columns for _, columns in sources)]
            side = self.random.choice(["", "LEFT ", "RIGHT ", "FULL "])
            kind = self.random.choice(["cross", "comma", "on", "on", "using"])
            if kind == "using" and shared:
                sql += f" {side}JOIN {table} USING ({self.random.choice(shared)})"
            elif kind == "on":
                sql += f" {side}JOIN {table} ON {self.column(tuple(sources))} = {self.column((source,))}"
            else:
                sql += f" CROSS JOIN {table}" if kind == "cross" else f", {table}"
            sources.append(source)
        return sql, tuple(sources)

    def table(self, depth: int) -> tuple[str, Source]:
        self.aliases += 1
        alias = self.random.choice(["", "p", "q", f"r{self.aliases}"])
        choice = self.random.random()
        if self.ctes and choice < 0.2:
            name = self.random.choice(list(self.ctes))
            return f"{name} {alias}", (alias or name, self.ctes[name])
        if depth and choice < 0.45:
            sql, columns = self.query(depth - 1, ())
            alias = alias or f"d{self.aliases}"
            if choice < 0.3:
                columns = tuple(f"z{i}" for i in range(len(columns)))
                return f"({sql}) AS {alias}({', '.join(columns)})", (alias, columns)
            return f"({sql}) AS {alias}", (alias, columns)
        name = self.random.choice(list(DATASETS))
        return f"{name} {alias}", (alias or name.split(".")[1], DATASETS[name])

    def column(self, sources: tuple[Source, ...], outer: tuple[Source, ...] = ()) -> str:
        alias, columns = self.random.choice(outer if outer and self.random.random() < 0.25 else sources)
        name = self.random.choice(columns)
        name = self.random.choice([name, name, name.upper(), f'"{name}"'])
        return f"{alias}.{name}" if self.random.random() < 0.75 else name

    def projection(
        self, sources: tuple[Source, ...], outer: tuple[Source, ...], depth: int, keys: list[str]
    ) -> tuple[str, str]:
        column, other = self.column(sources, outer), self.column(sources, outer)
        own = self.column(sources)
        expressions = [column, column, f"{column} || {other}", f"coalesce({column}, 'x')", "'x'"]
        expressions.append(f"CASE WHEN {self.condition(sources, outer, 0)} THEN {column} ELSE 'e' END")
        expressions.append(f"row_number() OVER (PARTITION BY {own} ORDER BY {self.column(sources)})")
        if depth:
            expressions.append(f"(SELECT count(*) FROM {self.tables(depth - 1)[0]})")
        if keys:
            expressions = [
                *keys,
                "count(*)",
                f"max({own})",
                f"count(DISTINCT {own})",
                f"count(*) FILTER (WHERE {own} > 'a')",
            ]
        name = self.random.choice(["a", "b", "name", "phone", "sex", f"k{self.aliases}"])
        return f"{self.random.choice(expressions)} AS {name}", name

    def condition(self, sources: tuple[Source, ...], outer: tuple[Source, ...], depth: int) -> str:
        column, other = self.column(sources, outer), self.column(sources, outer)
        value = self.random.choice(["1", "r1", "h1", "d2", "张三", "red"])
        conditions = [
            *[f"{column} = '{value}'", f"{column} IN ('{value}', '1')", f"{column} LIKE '{value[0]}%'"] * 2,
            f"starts_with({column}, '1')",
            f"{column} <> {other}",
            f"{column} IS NOT DISTINCT FROM {other}",
            f"{column} IS NULL",
            f"NOT ({column} = '{value}' OR {other} LIKE '%1')",
        ]
        if depth:
            nested, _ = self.query(depth - 1, sources, width=1)
            conditions += [f"{column} IN ({nested})", f"NOT EXISTS ({nested})", f"EXISTS ({nested})"]
        return self.random.choice(conditions)
