"""What the page of a result shows, whatever its query does meanwhile."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import grpc
import pytest

from gateway.client import ErrorReason, RequestError
from gateway.client.reports.model import load_template, template_names
from gateway.doors.console import reports
from gateway.doors.console.results import pages
from gateway.doors.console.runs.run import Question, Run, State
from gateway.doors.console.runs.spool import Space, Spool
from gateway.doors.console.visit import Visit, render

DENIED = RequestError(grpc.StatusCode.PERMISSION_DENIED, "denied")


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """A query that runs, and of which nothing has come yet."""
    return made(Run, tmp_path)


def made(kind: type[Run], folder: Path) -> Run:
    spool = Spool(folder, space=Space(bytes_max=1 << 20), bytes_max=1 << 20)
    return kind(id="x", question=Question(sql="SELECT 1", purpose="p"), spool=spool, clock=lambda: 2.0, started_at=1.0)


class Visitor:
    """Stands for a visit that is rendered."""

    def __init__(self) -> None:
        self.form: dict[str, str] = {}

    def render(self, template: str, **values: Any) -> str:
        return render(template, language="zh", **values)


def shown(run: Run) -> str:
    return render("result_progress.html", language="zh", **pages._state(cast(Visit, None), run))


@pytest.mark.parametrize("state", [State.COMPLETE, State.FAILED, State.CANCELLED])
def test_a_query_that_ends_while_its_page_is_made_is_still_running_there(
    run: Run, monkeypatch: pytest.MonkeyPatch, state: State
) -> None:
    """What belongs to the end is not there yet: the page asks again, and then shows it."""
    asked = Run.terms

    def terms(self: Run) -> dict[str, str]:
        found = asked(self)
        self._end(state, error=DENIED if state is State.FAILED else None)
        return found

    monkeypatch.setattr(Run, "terms", terms)
    assert "正在取数" in shown(run)
    assert run.state is state


@pytest.mark.parametrize("looks", range(1, 7))
def test_a_form_whose_query_fails_while_its_page_is_made_is_not_filled_in(tmp_path: Path, looks: int) -> None:
    """However often the page has looked by then, it never says that a failed form is filled in."""

    class Failing(Run):
        def __getattribute__(self, name: str) -> object:
            if name == "state":
                looked.append(name)
                if len(looked) == looks:
                    object.__setattr__(self, "error", DENIED)
                    object.__setattr__(self, "state", State.FAILED)
            return super().__getattribute__(name)

    looked: list[str] = []
    run, template = made(Failing, tmp_path), load_template(template_names()[0])
    part = str(reports._filling(cast(Visit, Visitor()), template, run))
    assert "报表已填好" not in part
    assert "正在向各部门取数" in part or "没有完成" in part or "未获批准" in part


def test_who_sees_that_a_query_failed_sees_why(tmp_path: Path) -> None:
    """The state comes last."""
    seen: list[tuple[object, object]] = []

    class Watched(Run):
        def __setattr__(self, name: str, value: object) -> None:
            if name == "state" and value is State.FAILED:
                seen.append((self.error, self.ended_at))
            super().__setattr__(name, value)

    made(Watched, tmp_path)._end(State.FAILED, error=DENIED)
    assert seen == [(DENIED, 2.0)]


@pytest.mark.parametrize(("size", "told"), [(0, "0 KB"), (40, "1 KB"), (700_000, "684 KB"), (3 << 20, "3.0 MB")])
def test_little_is_told_in_kilobytes(run: Run, size: int, told: str) -> None:
    """A short list is not of 0.0 MB."""
    run.size = size
    assert f"<span>{told}</span>" in shown(run)


def reason(code: str) -> ErrorReason:
    return ErrorReason(code=code, texts={"message_zh": "p 不开放", "message_en": "p is closed"})


@pytest.mark.parametrize("reasons", [(), (reason("NOT_AVAILABLE"),)])
def test_a_denial_is_told_as_a_denial(
    run: Run, monkeypatch: pytest.MonkeyPatch, reasons: tuple[ErrorReason, ...]
) -> None:
    """It is not a failure that may be tried again; a catalogue that does not answer leaves the ids in it."""

    def no_names(visit: Visit) -> None:
        raise RequestError(grpc.StatusCode.UNAVAILABLE, "gone")

    monkeypatch.setattr(pages, "names_of", no_names)
    run._end(State.FAILED, error=RequestError(grpc.StatusCode.PERMISSION_DENIED, "denied", reasons))
    page = shown(run)
    assert "<strong>未获批准</strong>" in page
    assert "没有任何数据送出" in page
    assert ("p 不开放" in page) is bool(reasons)
    assert "再次运行" not in page


def test_a_failure_may_be_tried_again(run: Run) -> None:
    """The twin of a denial."""
    run._end(State.FAILED, error=RequestError(grpc.StatusCode.UNAVAILABLE, "gone"))
    page = shown(run)
    assert "<strong>没有完成</strong>" in page
    assert "再次运行" in page


def test_who_may_not_do_something_is_not_told_of_data() -> None:
    """Signing or recording a consent sends none."""
    page = render("failed.html", language="zh", error=DENIED)
    assert "您不能办理此事" in page
    assert "数据送出" not in page
