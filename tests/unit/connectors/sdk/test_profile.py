"""Counting what is wrong with a dataset, alone and asked for over gRPC."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import replace

import grpc
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from catalog.dataset import Code, Column, Dataset, Text
from catalog.vocabulary import Category, ColumnType, IdentifierKind
from connectors.sdk.config import ParquetSettings
from connectors.sdk.inquiry import Inquiry, sign_inquiry
from connectors.sdk.profile import take_profile
from connectors.sdk.sketch import similarity
from connectors.sources.opening import open_source
from sharing_stubs.sharing.connector.v1 import connector_pb2, connector_pb2_grpc
from tests.unit.connectors.conftest import DATASET, NAME, ROWS, make_dataset, mapped
from tests.unit.connectors.sdk.serving import KEY, NOW, serving

SKETCH_KEY = bytes(range(16))
GOOD_ID, BAD_ID = "11010519491231002X", "110105194912310021"


def column(name: str, **more: object) -> Column:
    text = Text(zh=name, en=name)
    return Column.model_validate(
        {"name": name, "type": ColumnType.STRING, "title": text, "grade": "general-1"}
        | {"category": Category.ADMINISTRATIVE}
        | more
    )


def people(*, key: tuple[str, ...] = ("id",)) -> Dataset:
    dataset = make_dataset(
        column("id", identifier=IdentifierKind.RESIDENT_ID, nullable=False),
        column("division"),
        column("sex", codes=(Code(code="1", title=Text(zh="男", en="m")), Code(code="2", title=Text(zh="女", en="f")))),
    )
    return dataset.model_copy(update={"entity_key": "id", "primary_key": key})


def batch(*rows: tuple[str, str | None, str | None]) -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist(
        [dict(zip(("id", "division", "sex"), row, strict=True)) for row in rows], schema=people().schema
    )


def test_nulls_forms_codes_and_repeated_keys_are_counted_over_all_batches() -> None:
    """A key that comes back in another batch is repeated, each time after the first."""
    batches = [
        batch((GOOD_ID, "310101002003", "1"), (BAD_ID, None, "3")),
        batch((GOOD_ID, "31", None), (GOOD_ID, None, "")),
        batch(),
    ]
    profile = take_profile(batches, dataset=people(), sketch_key=SKETCH_KEY)
    counted = {c.name: (c.nulls, c.malformed, c.outside_codes) for c in profile.columns}
    assert (profile.rows, profile.duplicate_keys) == (4, 2)
    assert counted == {"id": (0, 1, 0), "division": (2, 0, 0), "sex": (1, 0, 2)}


def test_several_rows_of_one_entity_are_no_repeated_keys() -> None:
    """Where the primary key is more than the entity, an entity may have many rows."""
    rows = batch((GOOD_ID, "a", "1"), (GOOD_ID, "b", "1"))
    profile = take_profile([rows], dataset=people(key=("id", "division")), sketch_key=SKETCH_KEY)
    assert (profile.rows, profile.duplicate_keys) == (2, 0)


def test_an_empty_dataset_has_a_profile() -> None:
    """No rows are no error."""
    profile = take_profile([], dataset=people(), sketch_key=SKETCH_KEY)
    assert (profile.rows, profile.duplicate_keys, profile.sketch) == (0, 0, bytes(256))


def test_many_keys_are_counted_exactly() -> None:
    """Repeated keys are found wherever they stand, also across the parts in which the hashes are compared."""
    keys = np.arange(300_000) // 3
    schema = people().schema
    batches = [
        pa.RecordBatch.from_arrays(
            [pa.array(part.astype(str)), pa.nulls(1_000, pa.string()), pa.nulls(1_000, pa.string())], schema=schema
        )
        for part in np.split(np.random.default_rng(7).permutation(keys), 300)
    ]
    assert take_profile(batches, dataset=people(), sketch_key=SKETCH_KEY).duplicate_keys == 200_000


Ask = Callable[..., connector_pb2.ProfileResponse]


@pytest.fixture(scope="module")
def ask(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ask]:
    """Ask a running connector for a profile."""
    folder = tmp_path_factory.mktemp("tables")
    pq.write_table(pa.Table.from_batches([ROWS]), folder / "things.parquet")
    source = open_source(ParquetSettings(kind="parquet", path=folder), tables=mapped(DATASET, table="things"))
    with serving(source, DATASET) as address, grpc.insecure_channel(address) as channel:
        stub = connector_pb2_grpc.ConnectorServiceStub(channel)

        def profile(inquiry: Inquiry | None = None, **changes: object) -> connector_pb2.ProfileResponse:
            signed = sign_inquiry(replace(inquiry or asked(), **changes), key=KEY, key_id="k1")
            return stub.Profile(connector_pb2.ProfileRequest(inquiry=signed), timeout=200)

        yield profile


def asked() -> Inquiry:
    return Inquiry(
        inquiry_id=os.urandom(8).hex(),
        audience="testing",
        dataset=NAME,
        sketch_key=SKETCH_KEY,
        issued_at=NOW - 1,
        expires_at=NOW + 60,
    )


def test_a_connector_profiles_its_own_database(ask: Ask) -> None:
    """Its numbers are those of the rows, and two profiles under one key have the same sketch."""
    profile, again = ask(), ask()
    assert profile.rows == ROWS.num_rows
    assert {c.name: c.nulls for c in profile.columns} == {
        name: ROWS.column(name).null_count for name in ROWS.schema.names
    }
    assert profile.as_of > 0
    assert similarity(profile.sketch, again.sketch) == 1.0


@pytest.mark.parametrize(
    "changes",
    [
        {"dataset": ""},
        {"dataset": "testing.other"},
        {"sketch_key": b""},
        {"sketch_key": bytes(15)},
        {"identifier": "resident_id", "value": GOOD_ID},
        {"audience": "health"},
        {"expires_at": NOW},
    ],
)
def test_only_the_gateways_own_question_is_answered(ask: Ask, changes: dict[str, object]) -> None:
    """No dataset, no key, another topic, another department or another time: nothing is counted."""
    with pytest.raises(grpc.RpcError) as refused:
        ask(**changes)
    assert refused.value.code() is grpc.StatusCode.PERMISSION_DENIED


def test_a_question_serves_once(ask: Ask) -> None:
    """A replayed inquiry is refused."""
    inquiry = asked()
    ask(inquiry)
    with pytest.raises(grpc.RpcError) as refused:
        ask(inquiry)
    assert refused.value.details() == "REPLAYED"
