"""Tokens of the people and entities that a query names."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from catalog.catalogue import Catalogue
from catalog.vocabulary import IdentifierKind
from connectors.sdk.predicates import PredicateOp
from gateway.model.query import ResolvedQuery

SUBJECT_KEY_BYTES = 64
_PREFIX = "st1."
_PLACES = frozenset({IdentifierKind.DIVISION_CODE})
"""Identifiers of places, which are no data subjects."""


class SubjectKey:
    """Turns identifiers into tokens and, for whoever may, back.

    Deterministic authenticated encryption (AES-256-SIV, RFC 5297): the same identifier always has the same token, so that
    an auditor sees that one person was looked up by many without seeing whom, and a token cannot be made without the key.

    Args:
        key: 64 random bytes.
    """

    def __init__(self, key: bytes) -> None:
        if len(key) != SUBJECT_KEY_BYTES:
            raise ValueError(f"主体密钥须为 {SUBJECT_KEY_BYTES} 字节 / the subject key has {SUBJECT_KEY_BYTES} bytes")
        self._cipher = AESSIV(key)

    def token(self, identifier: IdentifierKind, *, value: str) -> str:
        """Return the token of one identifier; letter case and outer white space do not count."""
        plain = f"{identifier}\n{value.strip().upper()}".encode(errors="backslashreplace")
        return _PREFIX + base64.urlsafe_b64encode(self._cipher.encrypt(plain, None)).decode().rstrip("=")

    def reveal(self, token: str) -> tuple[IdentifierKind, str]:
        """Return whom a token stands for.

        Raises:
            ValueError: It is no token of this key.
        """
        encoded = token.removeprefix(_PREFIX)
        try:
            sealed = base64.b64decode(encoded + "=" * (-len(encoded) % 4), altchars=b"-_", validate=True)
            identifier, _, value = self._cipher.decrypt(sealed, None).decode().partition("\n")
        except (InvalidTag, binascii.Error, ValueError):
            raise ValueError("not a token of this key") from None
        return IdentifierKind(identifier), value


def named_people(resolved: ResolvedQuery, *, catalogue: Catalogue, key: SubjectKey) -> Mapping[str, tuple[str, ...]]:
    """Return by dataset the sorted tokens of the identifiers that a query binds by equality.

    Only conditions that every row of the answer must meet count: an identifier under OR or in an expression has no token.
    """
    tokens: dict[str, set[str]] = {}
    for found in resolved.source_filters:
        predicate = found.predicate
        column = catalogue.datasets[found.dataset].column(predicate.column)
        if predicate.op not in (PredicateOp.EQ, PredicateOp.IN) or column is None:
            continue
        if column.identifier is not None and column.identifier not in _PLACES:
            bound = {key.token(column.identifier, value=str(value)) for value in predicate.values}
            tokens.setdefault(found.dataset, set()).update(bound)
    return {dataset: tuple(sorted(bound)) for dataset, bound in tokens.items()}
