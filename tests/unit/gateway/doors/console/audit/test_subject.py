from __future__ import annotations

from types import SimpleNamespace

import pytest

from catalog.dataset import Text
from gateway.doors.console.audit import review, subject
from gateway.doors.console.audit.work import AuditWork
from gateway.doors.console.visit import render
from sharing_stubs.sharing.audit.v1 import subject_pb2


def report(monkeypatch, *, accesses: int, language: str, for_data_subject: bool) -> str:
    found = [subject_pb2.ReportSubjectResponse(kind=1, time_micros=number) for number in range(accesses)]
    stub = SimpleNamespace(ReportSubject=lambda request, metadata: iter(found))
    monkeypatch.setattr(subject.subject_pb2_grpc, "SubjectServiceStub", lambda channel: stub)
    values = {"value": "1", "identifier": "resident_id", "for_data_subject": "on" if for_data_subject else ""}
    visit = SimpleNamespace(
        text=values.get,
        session=SimpleNamespace(audit=AuditWork(titles={("office", "o"): Text(zh="街道", en="Street")})),
        connection=SimpleNamespace(channel=None, headers=list),
        render=lambda template, **values: render(template, language=language, **values),
    )
    return subject.report(visit)


@pytest.mark.parametrize(
    ("language", "for_data_subject", "told"),
    [
        ("zh", True, "目前没有可告知的访问"),
        ("en", True, "nothing that may be told now"),
        ("zh", False, "没有人访问过此人的数据"),
        ("en", False, "Nobody has accessed"),
    ],
)
def test_nothing_to_tell_is_not_nobody(monkeypatch, language, for_data_subject, told):
    """The data subject's version does not claim that nobody looked: what is withheld is not in it."""
    shown = report(monkeypatch, accesses=0, language=language, for_data_subject=for_data_subject)
    assert told in shown
    assert ("没有人" in shown or "Nobody" in shown) is not for_data_subject


def test_a_long_report_shows_the_newest_accesses(monkeypatch):
    """All are counted, 500 are shown, and how many more there are is said."""
    shown = report(monkeypatch, accesses=1_203, language="zh", for_data_subject=False)
    assert "共 1,203 次访问" in shown
    assert "另有 703 次较早的没有列出" in shown
    assert shown.count('<tr><td class="time">') == 500
    assert "没有列出" not in report(monkeypatch, accesses=500, language="zh", for_data_subject=False)


@pytest.mark.parametrize(("accesses", "told"), [(1, "1 access<"), (1_203, "1,203 accesses<")])
def test_one_access_is_one(monkeypatch, accesses, told):
    """English has a singular."""
    assert told in report(monkeypatch, accesses=accesses, language="en", for_data_subject=False)


def test_what_differs_is_counted_and_the_first_ones_are_kept():
    """However much a review finds, the page stays small and says how much it was."""
    differing: review.FirstOnes[int] = review.FirstOnes()
    for number in range(1_000):
        differing.add(number)
    assert (differing.total, differing.listed) == (1_000, list(range(review.LISTED_MAX)))
