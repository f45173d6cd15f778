"""A slice of the city with its people at home: what all departments' registers describe."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from connectors.sample_city.codes import Ints
from connectors.sample_city.columns import Rng
from connectors.sample_city.homes import Dwellings, Tenures, build, hold
from connectors.sample_city.people import Households, People, populate
from connectors.sample_city.territory import Slice
from connectors.sample_city.world import World


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbourhood:
    """One slice and everything in it that is true, whatever a register says."""

    place: Slice
    households: Households
    people: People
    dwellings: Dwellings
    tenures: Tenures

    @classmethod
    def make(cls, place: Slice, *, world: World, enterprises: Ints, people_rng: Rng, homes_rng: Rng) -> Self:
        """Draw the people of a slice and build their homes, and premises for the enterprises of each committee."""
        households, people = populate(place, world=world, rng=people_rng)
        dwellings = build(place, households=households, enterprises=enterprises, roads=world.words.roads, rng=homes_rng)
        tenures = hold(dwellings, households=households, rng=homes_rng)
        return cls(place=place, households=households, people=people, dwellings=dwellings, tenures=tenures)
