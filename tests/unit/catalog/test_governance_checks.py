"""What people may decide, held against the catalogue."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from catalog.catalogue import Catalogue
from catalog.governance import (
    AgreementRecord,
    Ending,
    GovernanceRefused,
    Stop,
    StopKind,
    StopRecord,
    check_agreement,
    check_consent,
    check_declaration,
    check_text,
)
from catalog.governance.checks import check_not_stopped
from catalog.load import load_catalogue
from tests.unit.catalog.declarations import DAY, NOW, declaration

RESIDENT = "310101199001011234"
AGREEMENT = AgreementRecord(
    id="health-base",
    controller="health",
    recipient="310101",
    datasets=("health.health_code", "health.vaccination"),
    purposes=("epidemic-control",),
    valid_from=NOW,
    valid_until=NOW + 365 * DAY,
    signed_by="department-health",
    signed_at=NOW,
)
CONSENT: dict[str, Any] = {"purpose": "window-service", "days": 30, "evidence": "form 7, file 12"}


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue()


@pytest.mark.parametrize("area", ["3101", "310199", "310101002999", "320102"])
def test_an_emergency_has_a_known_area(catalogue: Catalogue, area: str) -> None:
    """A foreign or made-up area is refused; a city, district or street of the catalogue is not."""
    with pytest.raises(GovernanceRefused, match="not a division"):
        check_declaration(declaration(area=area), catalogue=catalogue)
    for known in ("31", "310101", "310101002"):
        check_declaration(declaration(area=known), catalogue=catalogue)


@pytest.mark.parametrize("purpose", ["elderly-care-visits", "no-such-purpose"])
def test_an_emergency_opens_only_emergency_purposes(catalogue: Catalogue, purpose: str) -> None:
    """A purpose that needs no emergency, or does not exist, cannot be declared, not even beside one that does."""
    with pytest.raises(GovernanceRefused, match="needs an emergency"):
        check_declaration(declaration(purposes=("epidemic-control", purpose)), catalogue=catalogue)
    check_declaration(declaration(), catalogue=catalogue)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"id": "a"}, "an id has"),
        ({"id": "HEALTH"}, "an id has"),
        ({"datasets": ()}, "names datasets"),
        ({"purposes": ()}, "names datasets and purposes"),
        ({"datasets": ("health.vaccination", "population.resident")}, "not the department's"),
        ({"datasets": ("health.nothing",)}, "not the department's"),
        ({"controller": "housing"}, "not the department's"),
        ({"purposes": ("enterprise-visits",)}, "uses none"),
        ({"purposes": ("epidemic-control", "nothing")}, "uses none"),
        ({"recipient": ""}, "not a division"),
        ({"recipient": "3"}, "not a division"),
        ({"recipient": "320102"}, "not a division"),
        ({"valid_until": NOW}, "within five years"),
        ({"valid_until": NOW + 5 * 366 * DAY + 1}, "within five years"),
        ({"valid_from": NOW - 2 * DAY, "valid_until": NOW - DAY}, "already over"),
    ],
    ids=str,
)
def test_a_steward_agrees_only_to_what_is_the_departments(
    catalogue: Catalogue, change: dict[str, Any], words: str
) -> None:
    """Others' datasets, purposes that do not use them, made-up recipients and unbounded times are refused."""
    with pytest.raises(GovernanceRefused, match=words):
        check_agreement(replace(AGREEMENT, **change), catalogue=catalogue)
    check_agreement(AGREEMENT, catalogue=catalogue)


@pytest.mark.parametrize(
    ("resident_id", "change", "words"),
    [
        (RESIDENT, {"purpose": "elderly-care-visits"}, "does not rest on consent"),
        (RESIDENT, {"purpose": "nothing"}, "does not rest on consent"),
        (RESIDENT, {"days": 0}, "1 to 30 days"),
        (RESIDENT, {"days": 31}, "1 to 30 days"),
        (RESIDENT, {"evidence": ""}, "give the reason"),
        (RESIDENT, {"evidence": f"form of {RESIDENT}"}, "no text may hold"),
        (RESIDENT[:-1], {}, "malformed"),
        (f"{RESIDENT} ", {}, "malformed"),
        ("*", {}, "malformed"),
    ],
)
def test_consent_is_asked_only_where_it_is_the_basis(
    catalogue: Catalogue, resident_id: str, change: dict[str, Any], words: str
) -> None:
    """Statutory purposes take no consent; the time is bounded, and no text names the person."""
    with pytest.raises(GovernanceRefused, match=words) as raised:
        check_consent(resident_id, **CONSENT | change, catalogue=catalogue)
    assert RESIDENT[:-1] not in raised.value.text.zh + raised.value.text.en
    check_consent(RESIDENT, **CONSENT, catalogue=catalogue)


def stop_of(agreement: str, **changes: Any) -> StopRecord:
    stop = Stop(kind=StopKind.AGREEMENT, controller="health", target=agreement)
    record = StopRecord(
        id="s", stop=stop, reason="x", stopped_by="administrator", by_administrator=True, stopped_at=NOW
    )
    return replace(record, **changes)


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"recipient": "31"},
        {"recipient": "310101002"},
        {"office": "310101002"},
        {"datasets": ("health.vaccination",)},
        {"purposes": ("epidemic-control", "vaccination-outreach")},
        {"columns": ("health.vaccination.vaccinated_date",)},
        {"valid_from": NOW + DAY},
    ],
    ids=str,
)
def test_what_an_administrator_stopped_is_not_signed_again(change: dict[str, Any]) -> None:
    """Not under another id, for more or less of it, nor once the stopped agreement is revoked or lost; twin: a steward's stop."""
    again = replace(AGREEMENT, id="again", **change)
    revoked = replace(AGREEMENT, revoked=Ending(at=NOW, by="department-health", reason="x"))
    for known in ((AGREEMENT,), (revoked,), ()):
        with pytest.raises(GovernanceRefused, match="an administrator has stopped agreement 'health-base'"):
            check_not_stopped(again, stops=[stop_of("health-base")], agreements=known)
        check_not_stopped(again, stops=[stop_of("health-base", by_administrator=False)], agreements=known)


@pytest.mark.parametrize(
    ("change", "stopped"),
    [
        ({"recipient": "310107"}, {}),
        ({"office": "310101002"}, {"office": "310101013"}),
        ({"datasets": ("health.vaccination",)}, {"datasets": ("health.health_code",)}),
        ({"purposes": ("vaccination-outreach",)}, {}),
        ({"controller": "housing"}, {}),
    ],
    ids=str,
)
def test_a_stop_leaves_other_agreements_alone(change: dict[str, Any], stopped: dict[str, Any]) -> None:
    """Others' recipients, datasets, purposes and departments may be agreed about meanwhile, and all while a dataset is stopped."""
    other = replace(AGREEMENT, id="other", **change)
    known = [replace(AGREEMENT, **stopped)]
    check_not_stopped(other, stops=[stop_of("health-base")], agreements=known)
    dataset = Stop(kind=StopKind.DATASET, controller="health", target="health.vaccination")
    check_not_stopped(AGREEMENT, stops=[stop_of("", stop=dataset)], agreements=known)


@pytest.mark.parametrize("text", ["", " \n", "x" * 1_001])
def test_a_reason_is_given_in_a_few_words(text: str) -> None:
    """An empty or endless reason is refused."""
    with pytest.raises(GovernanceRefused, match="at most 1000"):
        check_text(text)
    check_text("理由")


PERSONAL = [
    "of 31010119900101123X",
    "身份证31010119900101123x。",
    "王小明 身份证 310101 19900101 1234",
    "310101-1990-01-01-123X",
    "3101 0119 9001 0112 34",
    "3 1 0 1 0 1 1 9 9 0 0 1 0 1 1 2 3 4",
    "３１０１０１１９９００１０１１２３４",
    "３１０１０１　１９９００１０１　１２３Ｘ",
    "310101–19900101–1234",
    "000000000000000001",
    "电话 13812345678",
    "13812345678",
    "138 1234 5678",
    "1381234-5678",
    "138 123 456 78",
    "１３８１２３４５６７８",
    "+86 138-1234-5678",
    "8613812345678",
    "1 13812345678 2 人",
    "110105.19491231.0021",
    "110105,1949-12-31,0021",
    "110105, 1949-12-31, 0021",
    "110105·1949·1231·0021",
    "110105/1949/12/31/0021",
    "110105_19491231_0021",
    "110105\u200b19491231\u200b0021",
    "110105\u00ad1949\u20601231\ufeff0021",
    "11010519491231002\u200dX",
    "11010519491231\u034f0021",
    "١١٠١٠٥١٩٤٩١٢٣١٠٠٢١",
    "138.1234.5678",
    "138,1234,5678",
    "138·1234·5678",
    "138/1234/5678",
    "138_1234_5678",
    "138\u200b1234\u200b5678",
    "1\u20603\u20608\u206012345678",
]


@pytest.mark.parametrize("text", PERSONAL)
def test_no_text_names_a_person_by_number(catalogue: Catalogue, text: str) -> None:
    """Resident IDs and mobile numbers are refused in reasons, evidence and titles, full-width or in pieces too."""
    titles = [declaration(title={"zh": text, "en": "Drill"}), declaration(title={"zh": "演练", "en": text})]
    for check in (
        lambda: check_text(text),
        lambda: check_consent(RESIDENT, **CONSENT | {"evidence": text}, catalogue=catalogue),
        *(partial(check_declaration, title, catalogue=catalogue) for title in titles),
    ):
        with pytest.raises(GovernanceRefused, match="no text may hold") as raised:
            check()
        assert text not in raised.value.text.zh + raised.value.text.en


@pytest.mark.parametrize(
    "text",
    [
        "窗口 3，第 12 号 / desk 3, no. 12",
        "案号 SA-2026-000123, SA-2026-000124",
        "（2026）沪0101民初13800号",
        "有效期 2019-05-01 - 2026-05-01",
        "2026-01-15 2026-01-30",
        "2026-11-01 08:00 - 2026-11-15 18:00，共 1350 人",
        "２０２６年１１月１日至２０２６年１１月１５日",
        "130 人, 150.00 元, 1,380,000.50 元, 13800000 元",
        "单价 150 元 2026-01-30",
        "热线 021-12345, 12345678",
        "2026-10-01 310101002 310107014",
        "entry 0197a3c2-7b1e-7cc3-98a1-0f2b6c1d4e5f",
        "2026.01.15, 2026.01.30, 2026.02.10",
        "2026/01/15-2026/01/30, 310101, 150 人",
        "310101 2026-01-15 2026-01-30",
        "310101, 2026/01/15, 2026/01/30",
        "130, 2026-01-15, 150, 2026.1.30",
        "138,000,000.50 元, 138000000.50 元, 1,380,000,000.50 元",
        "金额 1,380,000.50, 2026-01-15, 1350 人",
        "1350, 1200, 130",
        "192.168.100.10, 192.168.10.138:8443",
        "2026-11-01 08:00 - 2026-11-15 18:00",
        "案号 SA-2026-000123_SA-2026-000124/2026.01",
    ],
)
def test_harmless_numbers_pass(text: str) -> None:
    """Case numbers, dates, amounts, division codes and entry ids are what a reason is made of."""
    check_text(text)
