"""The tree of errors and their texts."""

from __future__ import annotations

import re

import grpc
import pytest

from catalog.dataset import Text
from gateway import errors
from gateway.errors import Bug, Denied, GatewayError, InvalidQuery, Unavailable
from gateway.messages import MESSAGES, Reason, message, remedy

STATUS = {
    "Unauthenticated": grpc.StatusCode.UNAUTHENTICATED,
    "InvalidQuery": grpc.StatusCode.INVALID_ARGUMENT,
    "Denied": grpc.StatusCode.PERMISSION_DENIED,
    "Unavailable": grpc.StatusCode.UNAVAILABLE,
    "TooLarge": grpc.StatusCode.RESOURCE_EXHAUSTED,
    "TooSlow": grpc.StatusCode.DEADLINE_EXCEEDED,
    "Cancelled": grpc.StatusCode.CANCELLED,
    "Unsupported": grpc.StatusCode.UNIMPLEMENTED,
    "Bug": grpc.StatusCode.INTERNAL,
}
HAN = re.compile(r"[\u4e00-\u9fff]")


def test_every_error_has_its_status() -> None:
    """The table of statuses covers the whole tree, with a status of its own for each class; a stage's finer classes inherit it."""
    assert {kind.__name__: kind.status for kind in GatewayError.__subclasses__()} == STATUS
    assert all("status" in vars(kind) for kind in GatewayError.__subclasses__())
    finer = [kind for parent in GatewayError.__subclasses__() for kind in parent.__subclasses__()]
    assert not any("status" in vars(kind) for kind in finer)


def test_the_tree_in_the_documentation_is_the_tree() -> None:
    """The docstring draws every class, and no other."""
    assert errors.__doc__ is not None
    assert re.findall(r"[├└]── (\w+)", errors.__doc__) == [kind.__name__ for kind in GatewayError.__subclasses__()]


def test_every_reason_has_its_texts_and_nothing_else_has() -> None:
    """The catalogue of texts is complete."""
    assert set(MESSAGES) == set(Reason)
    assert all(reason.value == reason.name for reason in Reason)


@pytest.mark.parametrize("reason", list(Reason))
def test_texts_are_in_both_languages(reason: Reason) -> None:
    """Chinese text is Chinese, English text is not, both are sentences, and both take the same detail."""
    for text in MESSAGES[reason]:
        assert HAN.search(text.zh)
        assert not HAN.search(text.en)
        assert text.zh.endswith("。")
        assert text.en.endswith(".")
        assert text.zh.count("{detail}") == text.en.count("{detail}")
        assert set(re.findall(r"\{.*?\}", text.zh + text.en)) <= {"{detail}"}
    assert "{" not in remedy(reason).zh + remedy(reason).en


def test_remedies_can_be_followed_in_the_console_too() -> None:
    """No remedy sends somebody with a browser to a command, but that of the watermark, which only the command line reads."""
    assert {reason for reason, (_, step) in MESSAGES.items() if "gateway " in step.zh} == {Reason.MARKS_INVALID}


def test_the_detail_stands_in_both_texts() -> None:
    """A detail is one text for both languages or one for each, and is never taken for a template."""
    assert message(Reason.NOT_AVAILABLE, "a.b") == Text(zh="“a.b”不可用。", en="'a.b' is not available.")
    error = InvalidQuery(Reason.QUERY_FAILED, Text(zh="溢出", en="overflow"))
    assert error.message == Text(
        zh="语句在已授权的数据上执行失败：溢出。", en="The statement failed on the released data: overflow."
    )
    assert message(Reason.NOT_AVAILABLE, "{detail}{0}").en == "'{detail}{0}' is not available."


def test_internal_detail_is_in_no_public_text() -> None:
    """What is for the operator's log only is not in message, remedy, detail or the error's own text."""
    for error in (Unavailable(Reason.ENGINE_LOST, internal="canary"), Bug("canary")):
        public = [error.message, error.remedy, error.detail, str(error), repr(error), error.args]
        assert "canary" not in str(public)
        assert error.internal == "canary"


def test_a_denial_says_so_by_default() -> None:
    """A denial without another reason is the policy's."""
    assert Denied().reason is Reason.POLICY_DENIED
    assert Denied().decision is None
    assert Bug("x").reason is Reason.INTERNAL
