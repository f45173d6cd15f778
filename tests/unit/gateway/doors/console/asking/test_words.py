"""What the pages say about purposes that cannot be used now."""

from __future__ import annotations

import pytest

from gateway.doors.console.asking.words import why_not
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
