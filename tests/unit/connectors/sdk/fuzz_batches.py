"""Break encoded batches at random and decode them: `python fuzz_batches.py SEED ROUNDS`.

A process of its own, because a decoder that fails this test dies of a segmentation fault.
"""

from __future__ import annotations

import datetime
import random
import sys

import pyarrow as pa

from connectors.sdk.batches import BatchRefused, decode_batch, encode_batch

SCHEMA = pa.schema(
    [
        pa.field("text", pa.string(), nullable=False),
        pa.field("maybe", pa.string()),
        pa.field("number", pa.int16()),
        pa.field("flag", pa.bool_()),
        pa.field("day", pa.date32(), nullable=False),
        pa.field("moment", pa.timestamp("us", tz="UTC")),
        pa.field("ratio", pa.float64()),
    ]
)


def sample(choose: random.Random) -> pa.RecordBatch:
    """Return a few random rows."""
    day = datetime.date(2024, 1, 1)
    moment = datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC)
    rows = [
        {
            "text": "文" * choose.randrange(5),
            "maybe": choose.choice([None, "", "王小明"]),
            "number": choose.choice([None, 1]),
            "flag": choose.choice([None, True, False]),
            "day": day,
            "moment": choose.choice([None, moment]),
            "ratio": choose.choice([None, 0.5]),
        }
        for _ in range(choose.choice([0, 1, 3, 70]))
    ]
    return pa.RecordBatch.from_pylist(rows, schema=SCHEMA)


def broken(data: bytes, choose: random.Random) -> bytes:
    """Return `data` with a few bytes or words changed, cut, doubled or swapped."""
    changed = bytearray(data)
    for _ in range(choose.choice([1, 1, 1, 2, 8])):
        # The metadata at the front is where most of the meaning is.
        position = choose.randrange(min(len(changed), choose.choice([64, 1_000, len(changed)])))
        match choose.randrange(5):
            case 0:
                changed[position] ^= 1 << choose.randrange(8)
            case 1:
                changed[position] = choose.randrange(256)
            case 2:
                word = choose.choice([0, 1, -1, 2**31 - 1, -(2**31), 2**40, 2**63 - 1, len(data)])
                width = choose.choice([4, 8])
                changed[position : position + width] = (word % (1 << 8 * width)).to_bytes(width, "little")
            case 3:
                del changed[position : position + choose.randrange(1, 17)]
            case 4:
                changed[position:position] = changed[: choose.randrange(1, 17)]
        if not changed:
            return b""
    return bytes(changed)


def main(seed: int, rounds: int) -> None:
    """Fuzz; every batch that is accepted must be sound enough to be read and encoded again."""
    choose, accepted = random.Random(seed), 0
    for _ in range(rounds):
        data = broken(encode_batch(sample(choose)), choose)
        try:
            batch = decode_batch(data, schema=SCHEMA, bytes_max=1 << 20)
        except BatchRefused:
            continue
        accepted += 1
        assert batch.schema.equals(SCHEMA)
        rows = batch.to_pydict()
        assert None not in rows["text"]
        assert None not in rows["day"]
        again = decode_batch(encode_batch(batch), schema=SCHEMA, bytes_max=1 << 20)
        assert again.num_rows == batch.num_rows
        assert again.column("text").to_pylist() == rows["text"]
    sys.stdout.write(f"{rounds} rounds, {accepted} accepted\n")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
