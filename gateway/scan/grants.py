"""Sign what the plan allows, so that a connector can verify it."""

from __future__ import annotations

import hmac
from collections.abc import Callable

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from catalog.vocabulary import ColumnAction
from connectors.sdk.grant import GrantColumn, LookupKeys, ScanGrant, sign_grant
from connectors.sdk.inquiry import Inquiry, sign_inquiry
from gateway.model.plan import EnforcedPlan, PlannedScan
from sharing_stubs.sharing.connector.v1 import connector_pb2

GRANT_LIFETIME_SECONDS = 300


class GrantIssuer:
    """Issues signed scan grants, and questions to the departments' logs.

    Args:
        key: The gateway's signing key.
        key_id: Its id in the connectors' key sets.
        pseudonym_secret: At least 32 bytes; pseudonym keys are derived from it.
        clock_seconds: Seconds since 1970-01-01 UTC.
        new_id: Makes unique ids.
    """

    def __init__(
        self,
        *,
        key: Ed25519PrivateKey,
        key_id: str,
        pseudonym_secret: bytes,
        clock_seconds: Callable[[], float],
        new_id: Callable[[], str],
    ) -> None:
        self._key = key
        self._key_id = key_id
        self._pseudonym_secret = pseudonym_secret
        self._clock_seconds = clock_seconds
        self._new_id = new_id

    def issue(
        self, scan: PlannedScan, *, plan: EnforcedPlan, purpose: str, recipient: str
    ) -> tuple[ScanGrant, connector_pb2.SignedScanGrant]:
        """Return the grant for one scan, and the same signed."""
        now = int(self._clock_seconds())
        pseudonymised = any(column.action is ColumnAction.PSEUDONYM for column in scan.columns)
        grant = ScanGrant(
            grant_id=self._new_id(),
            decision_id=plan.decision.decision_id,
            audience=scan.controller,
            dataset=scan.dataset,
            purpose=purpose,
            recipient=recipient,
            columns=tuple(GrantColumn(name=c.name, action=c.action, mask=c.mask) for c in scan.columns),
            row_filter=scan.row_filter,
            pushed_filter=scan.pushed_filter,
            lookup=LookupKeys(column=scan.lookup_column, values=scan.lookup_values) if scan.lookup_column else None,
            rows_max=scan.rows_max,
            issued_at=now,
            expires_at=now + GRANT_LIFETIME_SECONDS,
            pseudonym_key=self._pseudonym_key(plan, purpose=purpose, office=recipient) if pseudonymised else b"",
        )
        return grant, sign_grant(grant, key=self._key, key_id=self._key_id)

    def inquire(
        self,
        department: str,
        *,
        from_time: int = 0,
        until_time: int = 0,
        identifier: str = "",
        value: str = "",
        dataset: str = "",
        sketch_key: bytes = b"",
    ) -> connector_pb2.SignedInquiry:
        """Return a signed question about a department's own log, or about a dataset; see `Inquiry`."""
        now = int(self._clock_seconds())
        inquiry = Inquiry(
            inquiry_id=self._new_id(),
            audience=department,
            from_time=from_time,
            until_time=until_time,
            identifier=identifier,
            value=value,
            dataset=dataset,
            sketch_key=sketch_key,
            issued_at=now,
            expires_at=now + GRANT_LIFETIME_SECONDS,
        )
        return sign_inquiry(inquiry, key=self._key, key_id=self._key_id)

    def _pseudonym_key(self, plan: EnforcedPlan, *, purpose: str, office: str) -> bytes:
        """Derive a key per purpose and query: joins match inside one query, nothing links two queries.

        The statistics of one office share a key, for the ledger that compares them; their pseudonyms never leave the gateway.
        """
        if plan.statistic is not None:
            context = f"sharing-statistics-v1\n{office}"
        else:
            context = f"sharing-pseudonym-v1\n{purpose}\n{plan.decision.decision_id}"
        return hmac.digest(self._pseudonym_secret, context.encode(), "sha256")
