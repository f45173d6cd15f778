"""The cache of decisions: it never answers another question than the one asked."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from gateway.decide import CachingPdp, Evaluation
from gateway.decide.cache import decision_key
from gateway.errors import Unavailable
from gateway.messages import Reason
from tests.opa_binary import REPOSITORY

SCHEMA = json.loads((REPOSITORY / "policies" / "schema" / "input.json").read_text("utf-8"))
DOCUMENTS, DOCUMENTS_OF_A_TWIN = 40, 2

Path = tuple[str | int, ...]
Key = Callable[[Mapping[str, Any]], str]


class EchoPdp:
    """Fake of the port: answers with its question, so that a wrong hit shows; counts how often it was asked."""

    def __init__(self) -> None:
        self.revision = "a" * 16
        self.asked = 0
        self.failing = False

    def evaluate(self, policy_input: Mapping[str, Any], *, deadline_seconds: float) -> Evaluation:
        self.asked += 1
        if self.failing:
            raise Unavailable(Reason.POLICY_SLOW)
        return Evaluation(answer={"input": copy.deepcopy(dict(policy_input))}, revision=self.revision)

    def close(self) -> None:
        self.revision = "closed"


def ask(pdp: CachingPdp, document: Mapping[str, Any]) -> Any:
    return pdp.evaluate(document, deadline_seconds=1).answer


# Documents of the schema, and every way to change one field of them


def sample(schema: Mapping[str, Any], random_: random.Random) -> Any:
    """Return a document of the schema, all fields present, one or two items in every list."""
    kind = schema["type"]
    if isinstance(kind, list):
        kind = random_.choice(kind)
    if "enum" in schema:
        return random_.choice(schema["enum"])
    match kind:
        case "object" if "properties" in schema:
            return {name: sample(part, random_) for name, part in schema["properties"].items()}
        case "object":
            return {name: sample(schema["additionalProperties"], random_) for name in random_.sample("abc", 2)}
        case "array":
            return [sample(schema["items"], random_) for _ in range(random_.choice([1, 2]))]
        case "integer":
            return random_.choice([0, 1, 2, 1_750_000_000])
        case "boolean":
            return random_.random() < 0.5
        case "string":
            return random_.choice(["", "1", "true", "31", "a.b", "名称"])
    raise AssertionError(f"a field of type {kind} is new: add it here")


def schema_paths(schema: Mapping[str, Any], prefix: Path = ()) -> Iterator[Path]:
    """Yield every path of the schema; `*` stands for any item and any key."""
    if prefix:
        yield prefix
    for name, part in schema.get("properties", {}).items():
        yield from schema_paths(part, (*prefix, name))
    if "items" in schema:
        yield from schema_paths(schema["items"], (*prefix, "*"))
    if isinstance(schema.get("additionalProperties"), dict):
        yield from schema_paths(schema["additionalProperties"], (*prefix, "*"))


def places(value: Any, schema: Mapping[str, Any], prefix: Path = (), named: Path = ()) -> Iterator[tuple[Path, Path]]:
    """Yield every path of a document, and the path of the schema that it is of."""
    if prefix:
        yield prefix, named
    if isinstance(value, dict):
        for name, item in value.items():
            known = name in schema.get("properties", {})
            part = schema["properties"][name] if known else schema["additionalProperties"]
            yield from places(item, part, (*prefix, name), (*named, name if known else "*"))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from places(item, schema["items"], (*prefix, index), (*named, "*"))


def others(value: Any) -> Iterator[Any]:
    """Yield values that mean something else, among them those that look alike."""
    match value:
        case bool():
            yield from (not value, int(value), str(value).lower(), None)
        case int():
            yield from (value + 1, str(value), None)
        case str():
            yield from (value + " ", value + "x", None, [value])
        case None:
            yield from (0, "null", "")
        case list():
            yield from ([*value, copy.deepcopy(value[-1])] if value else [""], value[1:], {"0": value})
            if value != value[::-1]:
                yield value[::-1]
        case dict():
            yield from ({**value, "zz": 1}, dict(list(value.items())[1:]), [value])


def changed(document: Any, path: Path, value: Any) -> Any:
    result = copy.deepcopy(document)
    node = result
    for step in path[:-1]:
        node = node[step]
    node[path[-1]] = value
    return result


def variants(document: Any) -> Iterator[tuple[Path, Any]]:
    """Yield the document with any single field changed, and with any field left out."""
    for path, named in places(document, SCHEMA):
        value = document
        for step in path:
            value = value[step]
        for other in others(value):
            yield named, changed(document, path, other)
        without = copy.deepcopy(document)
        node = without
        for step in path[:-1]:
            node = node[step]
        del node[path[-1]]
        yield named, without


def confused(key: Key, *, documents: int = DOCUMENTS) -> tuple[set[Path], set[Path]]:
    """Return the paths of the schema that were changed, and those where a change did not change the key."""
    random_, tried, missed = random.Random(43697), set(), set()
    for _ in range(documents):
        document = sample(SCHEMA, random_)
        own = key(document)
        for named, other in variants(document):
            tried.add(named)
            if key(other) == own and json.dumps(other, sort_keys=True) != json.dumps(document, sort_keys=True):
                missed.add(named)
    return tried, missed


def without(document: Any, path: Path) -> Any:
    """Return the document without what stands at a path of the schema."""
    if isinstance(document, dict) and path[0] != "*" and len(path) == 1:
        return {name: item for name, item in document.items() if name != path[0]}
    if isinstance(document, dict):
        return {
            name: without(item, path[1:]) if path[0] in ("*", name) and len(path) > 1 else item
            for name, item in document.items()
            if path != ("*",)
        }
    if isinstance(document, list):
        return [without(item, path[1:]) for item in document] if len(path) > 1 else []
    return document


def whole_key(document: Mapping[str, Any]) -> str:
    return decision_key(document, revision="a" * 16)


def test_no_field_may_be_left_out_of_the_key() -> None:
    """Whichever single field of the input is changed, at whichever depth, the question is another one."""
    tried, missed = confused(whole_key)
    assert tried == set(schema_paths(SCHEMA)), "a field of the schema was never changed"
    assert missed == set()


@pytest.mark.parametrize("path", sorted(set(schema_paths(SCHEMA))), ids=lambda path: ".".join(map(str, path)))
def test_a_key_without_any_one_field_would_be_found(path: Path) -> None:
    """The twin: a key that leaves out one field of the schema, whichever, confuses two questions."""
    _, missed = confused(lambda document: whole_key(without(document, path)), documents=DOCUMENTS_OF_A_TWIN)
    assert path in missed


def test_no_change_ever_hits_the_answer_of_another_question() -> None:
    """Through the cache itself: every variant of every document gets its own answer, also when it is asked again."""
    random_, pdp = random.Random(20220524), CachingPdp(EchoPdp(), entries_max=100_000)
    for _ in range(10):
        document = sample(SCHEMA, random_)
        for question in (document, *(other for _, other in variants(document)), document):
            for _ in range(2):
                assert json.dumps(ask(pdp, question)["input"], sort_keys=True) == json.dumps(question, sort_keys=True)


# The cache itself


def test_the_same_question_in_the_same_second_is_evaluated_once() -> None:
    """Plan, re-check and running streams share one evaluation; the next second is another question."""
    echo = EchoPdp()
    pdp = CachingPdp(echo)
    for _ in range(3):
        ask(pdp, {"context": {"time": 7}, "purpose": "p"})
        ask(pdp, {"purpose": "p", "context": {"time": 7}})
    assert echo.asked == 1
    ask(pdp, {"context": {"time": 8}, "purpose": "p"})
    assert echo.asked == 2


def test_another_revision_is_another_question() -> None:
    """After a change of the policy nothing of the old one is answered."""
    echo = EchoPdp()
    pdp = CachingPdp(echo)
    ask(pdp, {"x": 1})
    echo.revision = "b" * 16
    assert pdp.evaluate({"x": 1}, deadline_seconds=1).revision == "b" * 16
    assert echo.asked == 2


def test_an_answer_of_a_policy_that_took_over_meanwhile_is_not_kept_under_the_old_one() -> None:
    """The evaluation says whose answer it is, not what was active when the question came."""

    class Overtaken(EchoPdp):
        def evaluate(self, policy_input: Mapping[str, Any], *, deadline_seconds: float) -> Evaluation:
            self.asked += 1
            return Evaluation(answer=self.asked, revision="b" * 16)

    pdp = CachingPdp(Overtaken())
    assert [ask(pdp, {"x": 1}) for _ in range(3)] == [1, 2, 3]


def test_a_failure_is_never_remembered() -> None:
    """What could not be known is asked again."""
    echo = EchoPdp()
    pdp = CachingPdp(echo)
    echo.failing = True
    for _ in range(2):
        with pytest.raises(Unavailable):
            ask(pdp, {"x": 1})
    echo.failing = False
    assert ask(pdp, {"x": 1}) == {"input": {"x": 1}}
    assert echo.asked == 3


def test_a_caller_cannot_change_what_the_next_one_gets() -> None:
    """Neither the first answer nor a remembered one is shared."""
    pdp = CachingPdp(EchoPdp())
    for _ in range(3):
        answer = ask(pdp, {"x": [1]})
        assert answer == {"input": {"x": [1]}}
        answer["input"]["x"].append("forged")
        answer["allow"] = True


def test_it_keeps_no_more_than_its_bound_and_drops_the_longest_unused() -> None:
    """Memory is bounded whatever is asked."""
    echo = EchoPdp()
    pdp = CachingPdp(echo, entries_max=3)
    for number in (1, 2, 3, 1, 4, 1, 3, 4):
        ask(pdp, {"x": number})
    assert echo.asked == 4
    ask(pdp, {"x": 2})
    assert echo.asked == 5
    assert len(pdp._answers) == 3


def test_many_threads_get_their_own_answers() -> None:
    """Concurrent callers do not mix, and the bound holds."""
    pdp = CachingPdp(EchoPdp(), entries_max=5)
    with ThreadPoolExecutor(8) as callers:
        answers = list(callers.map(lambda number: ask(pdp, {"x": number % 9}), range(2_000)))
    assert answers == [{"input": {"x": number % 9}} for number in range(2_000)]
    assert len(pdp._answers) <= 5


def test_closing_closes_the_engine() -> None:
    """Whoever closes the cache closes what it asks."""
    echo = EchoPdp()
    CachingPdp(echo).close()
    assert echo.revision == "closed"
