"""All databases of a sample city: made once, started together, stopped together."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from connectors.sample_city.city import CityPlan
from connectors.sample_city.departments import (
    READER,
    Department,
    create_database,
    load_postgresql,
    load_sqlite,
    write_config,
    write_parquet,
)
from connectors.sample_city.postgresql_server import SUPERUSER, Host, PostgresqlServer

_MANIFEST: Final = "manifest.json"

Progress = Callable[[str], None]
"""Told the department whose database is ready."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """What a later start needs to know of databases that are complete."""

    made_from: str
    """Identifies the city and the templates."""
    reader_password: str


def fingerprint(plan: CityPlan, *, departments: tuple[Department, ...]) -> str:
    """Return what identifies databases loaded from the planned city with the departments' templates."""
    templates = hashlib.sha256("".join(department.template for department in departments).encode()).hexdigest()
    return f"version {plan.version}, {plan.residents} residents, seed {plan.seed}, templates {templates}"


class Databases:
    """The departments' databases below one folder. Use as a context manager: leaving it stops the servers."""

    def __init__(self, folder: Path, *, departments: tuple[Department, ...]) -> None:
        self._folder = folder
        self._departments = departments
        self._host = Host.prepare(folder)
        self._servers = {d.id: PostgresqlServer(self._host, name=d.id) for d in departments if d.kind == "postgresql"}
        self._password = ""

    def __enter__(self) -> Databases:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def open(self, city: Path, *, made_from: str, progress: Progress) -> None:
        """Start the databases, after loading them from the sample files when they were made from something else.

        Raises:
            ServerError: A server cannot be started.
        """
        loaded = self._loaded()
        complete = all(server.exists for server in self._servers.values())
        if complete and loaded is not None and loaded.made_from == made_from:
            self._password = loaded.reader_password
            with ThreadPoolExecutor(max_workers=len(self._servers)) as pool:
                list(pool.map(PostgresqlServer.start, self._servers.values()))
            return
        (self._folder / _MANIFEST).unlink(missing_ok=True)
        self._password = secrets.token_hex(16)
        with ThreadPoolExecutor(max_workers=3) as pool:
            databases = [department for department in self._departments if department.kind != "access_log"]
            loads = [(d, pool.submit(self._load, d, city=city)) for d in databases]
            try:
                for department, load in loads:
                    load.result()
                    progress(department.id)
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                self.stop()
                raise
        path = self._folder / _MANIFEST
        path.touch(mode=0o600)
        path.write_text(json.dumps({"made_from": made_from, "reader_password": self._password}), "utf-8")

    def stop(self) -> None:
        """Stop all servers."""
        with ThreadPoolExecutor(max_workers=max(1, len(self._servers))) as pool:
            list(pool.map(PostgresqlServer.stop, self._servers.values()))

    def write_configs(self, folder: Path, *, data: Path, gateway: str) -> None:
        """Write the configuration of every department's connector."""
        for department in self._departments:
            values = {"DATA": str(data), "GATEWAY": gateway, **self._place(department)}
            write_config(department, folder=folder, values=values)

    def _place(self, department: Department) -> Mapping[str, str]:
        server = self._servers.get(department.id)
        if server is None:
            return {"PATH": str(self._path(department))}
        return {"URI": server.uri(user=READER, password=self._password, database=department.id)}

    def _load(self, department: Department, *, city: Path) -> None:
        server = self._servers.get(department.id)
        if server is not None:
            password = secrets.token_hex(16)
            server.create(password=password)
            server.start()
            uri = server.uri(user=SUPERUSER, password=password, database="postgres")
            create_database(uri, name=department.id)
            uri = server.uri(user=SUPERUSER, password=password, database=department.id)
            load_postgresql(uri, city=city, department=department, reader_password=self._password)
        elif department.kind == "parquet":
            write_parquet(self._path(department), city=city, department=department)
        else:
            load_sqlite(self._path(department), city=city, department=department)

    def _path(self, department: Department) -> Path:
        folder = self._folder / department.id
        return folder if department.kind == "parquet" else folder / f"{department.id}.sqlite"

    def _loaded(self) -> Loaded | None:
        path = self._folder / _MANIFEST
        return Loaded(**json.loads(path.read_text("utf-8"))) if path.exists() else None
