"""What the pages say about purposes that cannot be used now."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from catalog.dataset import Text
from gateway.doors.console.asking.editor import case_form
from gateway.doors.console.asking.words import why_not
from gateway.doors.console.visit import Language, render
from sharing_stubs.sharing.catalog.v1 import catalog_pb2


def purpose(*, agreement: str = "", **changes: object) -> catalog_pb2.PurposeDescription:
    """Return a purpose for one dataset of the civil affairs bureau."""
    state = catalog_pb2.AgreementState(
        dataset="civil_affairs.social_assistance",
        controller=catalog_pb2.Text(zh="民政局", en="Civil Affairs Bureau"),
        agreement=agreement,
    )
    usable = {
        "id": "care",
        "datasets": ["civil_affairs.social_assistance"],
        "agreements": [state],
        "quota": catalog_pb2.Quota(rows_left=10),
    }
    return catalog_pb2.PurposeDescription(**usable | changes)  # type: ignore[arg-type]


def test_without_an_agreement_a_need_is_filed() -> None:
    """The department is named, and the form of the need is one click away."""
    why = why_not(purpose())
    assert why is not None
    assert why.remedy.zh == "请在“数据需求”中向民政局提出需求；同意后即可查询。"
    assert why.remedy.en == "File a need to Civil Affairs Bureau under Data needs; you may query once it is accepted."
    assert why.page == "/needs/new?purpose=care"
    assert why_not(purpose(agreement="A-1")) is None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"emergency_required": True}, "没有正在生效的应急状态"),
        ({"quota": catalog_pb2.Quota(rows_left=0)}, "行数限额已用完"),
        ({"quota": catalog_pb2.Quota(rows_left=1, lookups_left=0)}, "逐个查询的次数已用完"),
    ],
)
def test_what_no_need_removes_leads_to_none(changes: dict[str, object], message: str) -> None:
    """Emergencies are declared and quotas return by themselves."""
    why = why_not(purpose(agreement="A-1", **changes))
    assert why is not None
    assert message in why.message.zh
    assert why.page == ""


@pytest.mark.parametrize(
    ("language", "told"),
    [
        ("zh", "民政局同意提供“社会救助信息”：请在“数据需求”中"),
        ("en", "Civil Affairs Bureau has to agree to &#39;社会救助信息&#39;: "),
    ],
)
def test_the_page_of_purposes_leads_to_the_need(language: Language, told: str) -> None:
    """From what to do next, and from each dataset that lacks an agreement."""
    requester = SimpleNamespace(display_name="", office_title=Text(zh="-", en="-"))
    shown = render(
        "purposes.html",
        language=language,
        visit=SimpleNamespace(session=SimpleNamespace(requester=requester), path="/purposes", navigation=()),
        purposes=[(purpose(), why_not(purpose()))],
        names=SimpleNamespace(dataset=lambda name: "社会救助信息"),
        case_form=case_form,
    )
    assert f'{told}<a href="/needs/new?purpose=care&amp;dataset=civil_affairs.social_assistance">' in shown
    assert '<a href="/needs/new?purpose=care">' in shown
