"""How many rows a result may still have."""

from __future__ import annotations

import threading


class RowBudget:
    """Rows that may still leave, over all parts of one result. Safe from any thread."""

    def __init__(self, rows_max: int) -> None:
        self._left = rows_max
        self._lock = threading.Lock()

    @property
    def left(self) -> int:
        """Rows that may still leave."""
        return self._left

    def share(self, rows_max: int) -> RowShare:
        """Return what one attempt may take of it, at most `rows_max` rows."""
        return RowShare(self, rows_max=rows_max)

    def take(self, rows: int) -> bool:
        """Tell whether so many rows may leave, and count them if so."""
        with self._lock:
            if rows > self._left:
                return False
            self._left -= rows
            return True

    def give_back(self, rows: int) -> None:
        """Count rows back that did not leave."""
        with self._lock:
            self._left += rows


class RowShare:
    """What one attempt to deliver takes of a budget. For one thread."""

    def __init__(self, budget: RowBudget, *, rows_max: int) -> None:
        self._budget = budget
        self._rows_max = rows_max
        self._taken = 0

    def take(self, rows: int) -> bool:
        """Tell whether so many more rows may leave, and count them if so."""
        if self._taken + rows > self._rows_max or not self._budget.take(rows):
            return False
        self._taken += rows
        return True

    def give_back(self) -> None:
        """Give everything back: nothing of the attempt left."""
        self._budget.give_back(self._taken)
        self._taken = 0
