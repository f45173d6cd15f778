"""Generates the sample city slice by slice into one Parquet file per dataset; memory does not grow with the city."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, cast

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from catalog.load import load_catalogue
from connectors.sample_city.assistance import assistance_rows
from connectors.sample_city.business import enterprise_counts, licence_rows, register
from connectors.sample_city.columns import Columns, table
from connectors.sample_city.health import health_code_rows, vaccination_rows
from connectors.sample_city.housing import dwelling_rows, lease_rows
from connectors.sample_city.neighbourhood import Neighbourhood
from connectors.sample_city.population import household_rows, known_phones, resident_rows
from connectors.sample_city.territory import Slice
from connectors.sample_city.world import World

VERSION: Final = 1
"""Raised when the same seed gives another city."""
ROW_GROUP_ROWS: Final = 100_000
_MANIFEST: Final = "manifest.json"
_MADE_BY_THE_GATEWAY: Final = "audit_office"
"""Controller of the datasets about the access log."""

Progress = Callable[[int, int, str], None]
"""Told residents done, residents in all, and the district at work."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CityPlan:
    """What makes a sample city the one it is."""

    residents: int
    seed: int
    version: int = VERSION


class CityMaker:
    """Makes the rows of one slice after the other."""

    def __init__(self, plan: CityPlan) -> None:
        self._plan = plan
        self._world = World.make(seed=plan.seed)
        self._enterprises = 0
        self._cases = 0

    def slices(self) -> Iterator[tuple[Slice, Mapping[str, Columns]]]:
        """Yield every slice that has residents, with the columns of every dataset."""
        for place in self._world.territory.slices(self._plan.residents):
            if place.residents:
                yield place, self._rows(place)

    def _rows(self, place: Slice) -> Mapping[str, Columns]:
        seeds = np.random.SeedSequence([self._plan.seed, 1 + place.index]).spawn(6)
        people_rng, homes_rng, police_rng, business_rng, health_rng, aid_rng = map(np.random.default_rng, seeds)
        world, words = self._world, self._world.words
        counts = enterprise_counts(place, rng=business_rng)
        here = Neighbourhood.make(place, world=world, enterprises=counts, people_rng=people_rng, homes_rng=homes_rng)
        phone = known_phones(here, rng=police_rng)
        enterprises = register(here, counts=counts, first_serial=self._enterprises, world=world, rng=business_rng)
        assistance = assistance_rows(here, first_case=self._cases, rng=aid_rng)
        self._enterprises += len(enterprises.committee)
        self._cases += len(cast(pa.Array, assistance["case_number"]))
        return {
            "population.resident": resident_rows(here, phone=phone, rng=police_rng),
            "population.household": household_rows(here, rng=police_rng),
            "housing.dwelling": dwelling_rows(here, rng=homes_rng),
            "housing.lease": lease_rows(here, phone=phone, rng=homes_rng),
            "legal_entity.enterprise": enterprises.columns,
            "legal_entity.licence": licence_rows(place, enterprises=enterprises, words=words, rng=business_rng),
            "health.health_code": health_code_rows(here, phone=phone, rng=health_rng),
            "health.vaccination": vaccination_rows(here, words=words, rng=health_rng),
            "civil_affairs.social_assistance": assistance,
        }


def schemas() -> Mapping[str, pa.Schema]:
    """Return the catalogue's schema of every dataset the city has."""
    datasets = load_catalogue().datasets.items()
    return {name: dataset.schema for name, dataset in datasets if dataset.controller != _MADE_BY_THE_GATEWAY}


def is_generated(folder: Path, *, plan: CityPlan) -> bool:
    """Return whether the folder holds exactly the planned city."""
    path = folder / _MANIFEST
    return path.exists() and json.loads(path.read_text("utf-8")).get("plan") == asdict(plan)


def generate(folder: Path, *, plan: CityPlan, progress: Progress) -> Mapping[str, int]:
    """Write the planned city to `folder`, in place of the one that was there.

    Returns:
        Rows per dataset.

    Raises:
        FileExistsError: The folder holds something else than a sample city.
        ValueError: The city is too large for its identity numbers.
    """
    if folder.exists() and any(folder.iterdir()) and not (folder / _MANIFEST).exists():
        raise FileExistsError(f"{folder}：不是样例城市，不予覆盖 / not a sample city, left as it is")
    partial = folder.with_name(folder.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    rows = _write(partial, plan=plan, progress=progress)
    (partial / _MANIFEST).write_text(json.dumps({"plan": asdict(plan), "rows": rows}, indent=2), "utf-8")
    shutil.rmtree(folder, ignore_errors=True)
    partial.rename(folder)
    return rows


def _write(folder: Path, *, plan: CityPlan, progress: Progress) -> dict[str, int]:
    known = schemas()
    rows = dict.fromkeys(known, 0)
    done = 0
    with ExitStack() as stack:
        writers = {
            name: stack.enter_context(_writer(folder, name=name, schema=schema)) for name, schema in known.items()
        }
        for place, datasets in CityMaker(plan).slices():
            progress(done, plan.residents, place.district_title)
            for name, columns in datasets.items():
                part = table(known[name], columns=columns)
                writers[name].write_table(part, row_group_size=ROW_GROUP_ROWS)
                rows[name] += part.num_rows
            done += place.residents
    progress(done, plan.residents, "")
    return rows


def _writer(folder: Path, *, name: str, schema: pa.Schema) -> pq.ParquetWriter:
    return pq.ParquetWriter(folder / f"{name}.parquet", schema, compression="zstd", compression_level=1)
