"""What a query would get."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from catalog.dataset import Text
from gateway.client.errors import ErrorReason
from sharing_stubs.sharing.catalog.v1 import catalog_pb2


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """The decision on a query, made without touching data."""

    answer: catalog_pb2.ExplainQueryResponse
    """All that the gateway says: rules, obligations, quota and the rest."""

    @property
    def allow(self) -> bool:
        """Whether the query would be answered."""
        return self.answer.allow

    @property
    def denials(self) -> tuple[ErrorReason, ...]:
        """Everything that stands against it, like the reasons of `Denied`."""
        return tuple(_reason(denial) for denial in self.answer.denials)

    @property
    def treatment(self) -> Mapping[str, Mapping[str, str]]:
        """What would be done to the columns of each dataset, like `Result.treatment`."""
        treatment: dict[str, dict[str, str]] = {}
        for column in self.answer.columns:
            treatment.setdefault(column.dataset, {})[column.column] = column.mask or column.action
        return treatment

    @property
    def rows(self) -> Mapping[str, Text]:
        """Which rows of each dataset would be left, in words."""
        return {rows.dataset: _text(rows.text) for rows in self.answer.rows}


def _reason(denial: catalog_pb2.DenialReason) -> ErrorReason:
    texts = {"message": denial.message, "remedy": denial.remedy, "legal_basis": denial.legal_basis}
    both = {f"{key}_{language}": getattr(text, language) for key, text in texts.items() for language in ("zh", "en")}
    return ErrorReason(code=denial.code, texts=both)


def _text(text: catalog_pb2.Text) -> Text:
    return Text(zh=text.zh, en=text.en)
