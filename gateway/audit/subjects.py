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
_PREFIX, _ROW_PREFIX = "st1.", "row1."
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
        return _PREFIX + self._sealed(f"{identifier}\n{value.strip().upper()}")

    def reveal(self, token: str) -> tuple[IdentifierKind, str]:
        """Return whom a token stands for.

        Raises:
            ValueError: It is no token of this key.
        """
        identifier, _, value = self._opened(token.removeprefix(_PREFIX)).partition("\n")
        return IdentifierKind(identifier), value

    def row_reference(self, dataset: str, *, entity_key: str) -> str:
        """Return what stands for a record of a dataset: always the same, and no token of a person."""
        return _ROW_PREFIX + self._sealed(f"row:{dataset}\n{entity_key.strip()}")

    def reveal_row(self, reference: str, *, dataset: str) -> str:
        """Return the entity key of the record that a reference stands for.

        Raises:
            ValueError: It is no reference of this key to a record of the dataset.
        """
        kind, _, entity_key = self._opened(reference.removeprefix(_ROW_PREFIX)).partition("\n")
        if kind != f"row:{dataset}":
            raise ValueError("not a record of this dataset")
        return entity_key

    def _sealed(self, text: str) -> str:
        sealed = self._cipher.encrypt(text.encode(errors="backslashreplace"), None)
        return base64.urlsafe_b64encode(sealed).decode().rstrip("=")

    def _opened(self, encoded: str) -> str:
        try:
            sealed = base64.b64decode(encoded + "=" * (-len(encoded) % 4), altchars=b"-_", validate=True)
            return self._cipher.decrypt(sealed, None).decode()
        except (InvalidTag, binascii.Error, ValueError):
            raise ValueError("not a token of this key") from None


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
