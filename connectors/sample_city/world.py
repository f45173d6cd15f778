"""What all slices of the city share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Self

import numpy as np

from connectors.sample_city.codes import ResidentNumbers
from connectors.sample_city.columns import TODAY
from connectors.sample_city.territory import Territory
from connectors.sample_city.words import IssuePlaces, Words

_FIRST_BIRTH: Final = np.datetime64("1900-01-01")


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """The territory, the words and the identity numbers given out so far."""

    territory: Territory
    places: IssuePlaces
    words: Words
    numbers: ResidentNumbers

    @classmethod
    def make(cls, *, seed: int) -> Self:
        """Read the lists; committee sizes are drawn with `seed`.

        Raises:
            OSError: A list cannot be read.
        """
        places = IssuePlaces.load()
        return cls(
            territory=Territory.load(seed=seed),
            places=places,
            words=Words.load(),
            numbers=ResidentNumbers(places=len(places.codes), first_day=_FIRST_BIRTH, last_day=TODAY),
        )
