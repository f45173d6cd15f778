"""What the columns of a result are called, and how their values are shown."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import pyarrow as pa
import pytest

from gateway.client.catalog import Catalog
from gateway.client.subscriptions import SUBSCRIPTION
from gateway.doors.console.results.columns import columns_of, page
from gateway.doors.console.visit import Language

SCHEMA = pa.schema([("sharing_change", pa.string()), ("sharing_key", pa.string()), ("floor", pa.int64())])


@pytest.mark.parametrize(
    ("language", "headings", "shown"),
    [
        ("zh", ["变化 sharing_change", "记录标识 sharing_key", "floor"], ["新增", "变更", "删除"]),
        ("en", ["Change sharing_change", "Record key sharing_key", "floor"], ["added", "changed", "deleted"]),
    ],
)
def test_changes_of_a_subscription_are_told_in_words(language: Language, headings: list[str], shown: list[str]) -> None:
    """On the page and, by the same headings and words, in Excel."""
    schema = SCHEMA.with_metadata({SUBSCRIPTION: "{}"})
    rows = [["insert", "k1", 1], ["update", "k2", 2], ["delete", "k3", None]]
    batch = pa.record_batch([pa.array(values) for values in zip(*rows, strict=True)], schema=schema)
    columns = columns_of(schema, catalog=cast(Catalog, SimpleNamespace()))
    assert [column.heading(language) for column in columns] == headings
    assert [row[0] for row in page([batch], columns=columns, language=language)] == shown


def test_a_query_may_name_its_columns_as_it_likes() -> None:
    """Only a subscription's changes are taken for changes."""
    columns = columns_of(SCHEMA, catalog=cast(Catalog, SimpleNamespace()))
    assert [column.heading("zh") for column in columns] == SCHEMA.names
    batch = pa.record_batch([["insert"], ["k"], [1]], schema=SCHEMA)
    assert page([batch], columns=columns, language="zh") == [["insert", "k", "1"]]
