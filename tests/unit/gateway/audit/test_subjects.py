from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.load import load_catalogue
from catalog.vocabulary import IdentifierKind
from gateway.audit.subjects import SUBJECT_KEY_BYTES, SubjectKey, named_people
from gateway.parse import EngineParser, parse
from gateway.resolve import resolve

KEY = SubjectKey(bytes(range(SUBJECT_KEY_BYTES)))
OTHER = SubjectKey(bytes(SUBJECT_KEY_BYTES - 1) + b"\x01")
PERSON = "11010519491231002X"
CATALOGUE = load_catalogue()


def named(sql: str) -> dict[str, tuple[str, ...]]:
    parser = EngineParser()
    try:
        resolved = resolve(parse(sql, engine_parser=parser), catalogue=CATALOGUE)
    finally:
        parser.close()
    return dict(named_people(resolved, catalogue=CATALOGUE, key=KEY))


@given(st.sampled_from(IdentifierKind), st.text(max_size=40))
def test_whoever_has_the_key_learns_who_it_is(identifier: IdentifierKind, value: str) -> None:
    """A token stands for one identifier, in capital letters and without outer white space."""
    seen = value.encode(errors="backslashreplace").decode().strip().upper()
    assert KEY.reveal(KEY.token(identifier, value=value)) == (identifier, seen)


def test_one_person_has_one_token() -> None:
    """However the number is written, the token is the same; of another kind, or with another key, it is not."""
    token = KEY.token(IdentifierKind.RESIDENT_ID, value=PERSON)
    assert KEY.token(IdentifierKind.RESIDENT_ID, value=f" {PERSON.lower()} ") == token
    assert KEY.token(IdentifierKind.LEASE_ID, value=PERSON) != token
    assert OTHER.token(IdentifierKind.RESIDENT_ID, value=PERSON) != token
    assert PERSON not in token


@pytest.mark.parametrize(
    "change", [lambda t: t[:-2], lambda t: t + "A", lambda t: t.swapcase(), lambda t: "", lambda t: "st1.!"]
)
def test_a_token_that_was_not_made_with_the_key_reveals_nothing(change) -> None:
    """A forged, cut or foreign token is refused."""
    token = KEY.token(IdentifierKind.RESIDENT_ID, value=PERSON)
    for key, text in ((KEY, change(token)), (OTHER, token)):
        with pytest.raises(ValueError, match="not a token"):
            key.reveal(text)


def test_a_short_key_is_refused() -> None:
    """A key of another length is no key."""
    with pytest.raises(ValueError, match="64"):
        SubjectKey(bytes(32))


def test_the_people_whom_a_query_names_have_tokens() -> None:
    """Bound by = or IN, in any dataset, the same person has the same token; places and other values have none."""
    person, other = (KEY.token(IdentifierKind.RESIDENT_ID, value=v) for v in (PERSON, "310101199001011234"))
    assert named(f"SELECT name FROM population.resident WHERE resident_id = '{PERSON}'") == {
        "population.resident": (person,)
    }
    found = named(
        "SELECT lease_id FROM housing.lease WHERE lessee_resident_id IN "
        f"('{PERSON}', '310101199001011234') AND lease_start > DATE '2020-01-01'"
    )
    assert found == {"housing.lease": tuple(sorted((person, other)))}
    assert named("SELECT name FROM population.resident WHERE residence_division = '310101002'") == {}


def test_a_query_that_binds_nobody_names_nobody() -> None:
    """An identifier that not every row of the answer must meet has no token."""
    assert named(f"SELECT name FROM population.resident WHERE resident_id = '{PERSON}' OR sex = '1'") == {}


def test_a_record_has_one_reference_that_only_its_dataset_opens():
    """The same record is the same reference, which is no token of a person and opens for no other dataset or key."""
    reference = KEY.row_reference("housing.dwelling", entity_key=" ab-1 ")
    assert reference == KEY.row_reference("housing.dwelling", entity_key="ab-1")
    assert "ab-1" not in reference
    assert KEY.reveal_row(reference, dataset="housing.dwelling") == "ab-1"
    assert reference != KEY.row_reference("housing.lease", entity_key="ab-1")
    for opened in (
        lambda: KEY.reveal_row(reference, dataset="housing.lease"),
        lambda: OTHER.reveal_row(reference, dataset="housing.dwelling"),
        lambda: KEY.reveal(reference),
        lambda: KEY.reveal_row(KEY.token(IdentifierKind.DWELLING_CODE, value="ab-1"), dataset="housing.dwelling"),
    ):
        with pytest.raises(ValueError):  # noqa: PT011 - the callers tell one thing only
            opened()
