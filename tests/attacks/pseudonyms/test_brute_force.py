"""ID numbers are few enough to be tried one after the other. Who knows every resident of the city, and guesses how a department
may have hashed them, still finds no delivered pseudonym. The twins deliver such hashes, and the same attack names everybody.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping

import pyarrow as pa
import pytest

from catalog.vocabulary import ColumnAction
from connectors.sdk.masks import treat
from connectors.sdk.watermark import strip_marks
from tests.cities import Answer, City

OUTREACH, WHO, STREET = "vaccination-outreach", "changfeng", "310107014"
SQL = "SELECT DISTINCT r.resident_id FROM population.resident r JOIN health.vaccination v ON v.resident_id = r.resident_id"
CANDIDATES_MIN = 100_000
DIGITS = 32
_ALGORITHMS = ("md5", "sha1", "sha256", "sha512", "sha3_256", "blake2b", "sm3")
Digest = Callable[[bytes], bytes]


@pytest.fixture(scope="module")
def everybody(city: City) -> list[str]:
    """Every ID number of the city, as an insider of another system has them."""
    return [value for (value,) in city.truth("SELECT DISTINCT resident_id FROM population.resident")]


@pytest.fixture(scope="module")
def delivered(city: City) -> Answer:
    return city.ask(SQL, purpose=OUTREACH, who=WHO)


def pseudonyms_of(answer: Answer) -> set[str]:
    return set(strip_marks(answer.table.column("resident_id").combine_chunks()).to_pylist())


def vaccinated(city: City) -> list[str]:
    """Return the real numbers of the people whose pseudonyms the street got."""
    rows = " AND ".join(f"starts_with({side}.residence_division, '{STREET}')" for side in "rv")
    return [value for (value,) in city.truth(f"{SQL} WHERE {rows}")]


def hmac_sha256(key: bytes) -> Digest:
    padded = (key if len(key) <= 64 else hashlib.sha256(key).digest()).ljust(64, b"\0")
    inner, outer = (hashlib.sha256(bytes(byte ^ pad for byte in padded)) for pad in (0x36, 0x5C))

    def digest(value: bytes) -> bytes:
        first, second = inner.copy(), outer.copy()
        first.update(value)
        second.update(first.digest())
        return second.digest()

    return digest


def guessed_keys(answer: Answer | None) -> Iterator[bytes]:
    """Yield what a requester may think that the key is: nothing, its own words, and all that came with the result."""
    words = ["", "secret", "salt", "key", OUTREACH, STREET, SQL, "population.resident", "public_security", "health"]
    if answer is not None:
        words += [str(value) for value in answer.receipt.values()]
        words += [value.decode() for value in (answer.table.schema.metadata or {}).values() if len(value) < 80]
    yield from (word.encode() for word in words)
    yield from (bytes(32), bytes(range(32)), OUTREACH.encode().ljust(32, b"\0"))


def guesses(answer: Answer | None) -> Mapping[str, Digest]:
    """Return the ways in which the numbers may have been hashed, by name."""
    plain = {name: lambda value, name=name: hashlib.new(name, value).digest() for name in _ALGORITHMS}
    keyed = {f"HMAC {key!r}": hmac_sha256(key) for key in guessed_keys(answer)}
    salted = {
        f"{key!r} before": lambda value, key=key: hashlib.sha256(key + value).digest()
        for key in (OUTREACH.encode(), STREET.encode())
    }
    return plain | keyed | salted


def found(pseudonyms: set[str], candidates: list[str], ways: Mapping[str, Digest]) -> dict[str, str]:
    """Return the candidates that hash to a pseudonym, cut at either end, with the way in which they do."""
    encoded = [candidate.encode() for candidate in candidates]
    hits = {}
    for way, digest in ways.items():
        for candidate in encoded:
            text = digest(candidate).hex()
            if text[:DIGITS] in pseudonyms or text[-DIGITS:] in pseudonyms:
                hits[candidate.decode()] = way
    return hits


def test_no_candidate_hashes_to_a_delivered_pseudonym(city: City, everybody: list[str], delivered: Answer) -> None:
    """100,000 ID numbers, the delivered ones among them, hit nothing in any guessed way."""
    pseudonyms = pseudonyms_of(delivered)
    assert len(everybody) >= CANDIDATES_MIN
    assert len(pseudonyms) == len(set(vaccinated(city)) & set(everybody)) > 100
    assert found(pseudonyms, everybody, guesses(delivered)) == {}


@pytest.mark.parametrize("algorithm", _ALGORITHMS)
def test_twin_with_an_unsalted_hash_everybody_is_found(city: City, everybody: list[str], algorithm: str) -> None:
    """Had the departments hashed the numbers without a key, the attack would name every person delivered."""
    people = vaccinated(city)
    hashes = {hashlib.new(algorithm, person.encode()).hexdigest()[:DIGITS] for person in people}
    assert set(found(hashes, everybody, {algorithm: guesses(None)[algorithm]})) == set(people)


@pytest.mark.parametrize("key", [bytes(32), OUTREACH.encode().ljust(32, b"\0")], ids=["zeros", "purpose"])
def test_twin_with_a_guessable_key_everybody_is_found(city: City, everybody: list[str], key: bytes) -> None:
    """The product's own pseudonyms fall to the attack when their key can be guessed: the key is what protects."""
    people = vaccinated(city)
    treated = treat(pa.array(people), action=ColumnAction.PSEUDONYM, mask=None, pseudonym_key=key)
    assert set(found(set(treated.to_pylist()), everybody, {"HMAC": guesses(None)[f"HMAC {key!r}"]})) == set(people)
