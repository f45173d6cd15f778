"""A connector of a lone gateway whose scans never end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.cities import City
from tests.fakes.endless_scans import EndlessServicer
from tests.fakes.little_connectors import little_connector
from tests.lone_gateway import command_line


@contextmanager
def endless_connector(city: City, folder: Path, *, department: str, datasets: tuple[str, ...]) -> Iterator[None]:
    """Serve the department's datasets, without end, within the block; registered with a lone gateway and approved."""
    with little_connector(
        city, folder, department=department, datasets=datasets, servicer=EndlessServicer
    ) as connector:
        connector.registry.register()
        approved = command_line(city, "registry", "approve", department, who="administrator")
        assert approved.exit_code == 0, approved.output
        yield
