"""Code lists of the catalogue, with which a sheet says codes in words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from catalog.dataset import Text
from gateway.client.connection import Connection
from gateway.client.errors import request_errors
from gateway.client.reports.model import DIVISIONS, ReportInvalid
from sharing_stubs.sharing.catalog.v1 import catalog_pb2, catalog_pb2_grpc

_SHOWN_MAX = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Codes:
    """The requester's office and what codes mean."""

    office: Text
    lists: Mapping[str, Mapping[str, Text]]
    """Titles by code; the key is `dataset.column`, or `divisions` for the office's own division and all below it."""

    def words(self, name: str, code: str) -> Text:
        """Return what a code means, or the code itself where no list has it."""
        return self.lists.get(name, {}).get(code) or Text(zh=code, en=code)

    def division(self, typed: str) -> str:
        """Return the code of a division that was typed as code, name, or part of a name.

        Raises:
            ReportInvalid: The office's area has no such division, or several.
        """
        divisions = self.lists[DIVISIONS]
        if typed in divisions:
            return typed
        exact = [code for code, title in divisions.items() if typed in (title.zh, title.en)]
        found = exact or [code for code, title in divisions.items() if typed in title.zh or typed in title.en]
        if len(found) == 1:
            return found[0]
        some = found or list(divisions)
        shown = " ".join(f"{code}={divisions[code].zh}" for code in some[:_SHOWN_MAX])
        more = " …" if len(some) > _SHOWN_MAX else ""
        raise ReportInvalid(
            Text(
                zh=f"辖区内没有唯一的“{typed}”。请用代码或全称，例如：{shown}{more}",
                en=f"There is not one '{typed}' in your area. Use a code or a whole name, such as: {shown}{more}",
            )
        )


def load_codes(connection: Connection, *, datasets: Iterable[str]) -> Codes:
    """Return the divisions of the office's area, and the code lists of these datasets.

    Raises:
        RequestError: The requester may not know of a dataset, or the gateway is not there.
    """
    stub, headers = catalog_pb2_grpc.CatalogServiceStub(connection.channel), connection.headers()
    with request_errors():
        area = stub.ListDivisions(catalog_pb2.ListDivisionsRequest(), metadata=headers)
        lists = {DIVISIONS: _titles(area.divisions)}
        for name in sorted(datasets):
            dataset = stub.GetDataset(catalog_pb2.GetDatasetRequest(name=name), metadata=headers)
            lists |= {f"{name}.{column.name}": _titles(column.codes) for column in dataset.columns}
    return Codes(office=_text(area.office), lists=lists)


def _titles(codes: Iterable[catalog_pb2.Code]) -> dict[str, Text]:
    return {code.code: _text(code.title) for code in codes}


def _text(message: catalog_pb2.Text) -> Text:
    return Text(zh=message.zh, en=message.en)
