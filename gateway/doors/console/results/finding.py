"""The result that a request names."""

from __future__ import annotations

from gateway.doors.console.results.columns import Column, columns_of
from gateway.doors.console.runs.run import Run, State
from gateway.doors.console.visit import Visit


def find(visit: Visit) -> Run | None:
    """Return the result; None when this session has none of that id."""
    return visit.session.results.find(visit.names["id"])


def find_complete(visit: Visit) -> Run | None:
    """Return the result; None when it is not complete, or its rows are not kept any more."""
    run = find(visit)
    return run if run is not None and run.state is State.COMPLETE else None


def columns_for(visit: Visit, run: Run) -> tuple[Column, ...]:
    """Return its columns; none as long as nothing came."""
    if run.columns is None and run.schema is not None:
        run.columns = columns_of(run.schema, catalog=visit.connection.catalog)
    return run.columns or ()
