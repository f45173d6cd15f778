"""What columns a result will have: the requester's statement is run, over tables without rows."""

from __future__ import annotations

import pyarrow as pa

from gateway.doors.call import seconds_left
from gateway.doors.flight_sql.asked import Asked, recorded
from gateway.doors.turns import Turns
from gateway.errors import Cancelled, Unavailable
from gateway.messages import Reason
from gateway.model.cancellation import Cancellation
from gateway.model.plan import EnforcedPlan
from gateway.query_path import QueryPath

DESCRIPTION_SECONDS_MAX = 5.0
DESCRIPTIONS_MAX = 2
"""At the same time, of one requester one. Each holds a thread and one of the four engines, so results keep two."""


class Descriptions:
    """Runs few statements at a time, for a short time, and for no longer than the call."""

    def __init__(self, path: QueryPath) -> None:
        self._path = path
        self._turns = Turns(all_max=DESCRIPTIONS_MAX, own_max=1)

    def schema(self, plan: EnforcedPlan, asked: Asked) -> pa.Schema:
        """Return the columns of a plan's result, without metadata.

        Raises:
            GatewayError: The statement cannot be run, or not now; recorded.
        """
        with recorded(asked, path=self._path), self._turns.take(asked.requester.subject):
            cancellation = Cancellation()
            if not asked.call.add_callback(cancellation.cancel):
                cancellation.cancel()
            seconds = seconds_left(asked.call, seconds_max=DESCRIPTION_SECONDS_MAX)
            try:
                return self._path.describe(plan, seconds_max=seconds, cancellation=cancellation)
            except Unavailable:
                if cancellation.cancelled:
                    raise Cancelled(Reason.QUERY_CANCELLED) from None
                raise
        raise AssertionError
