"""Hold needs and corrections against the catalogue."""

from __future__ import annotations

from dataclasses import replace

from catalog.catalogue import Catalogue
from catalog.governance.checks import AGREEMENT_DAYS_MAX, check_agreement, check_text, plain_text
from catalog.governance.records import AgreementRecord, GovernanceRefused
from catalog.purpose import Purpose
from catalog.requests.records import Correction, Need
from catalog.vocabulary import ColumnAction, SharingClass

ENTITY_KEY_CHARACTERS_MAX = 255


def check_need(need: Need, *, purpose: Purpose | None, catalogue: Catalogue) -> Need:
    """Return the need as it is filed: with its controller, columns and days.

    Args:
        need: What the office asks for.
        purpose: Its purpose, when it is open to the office.
        catalogue: The catalogue.

    Raises:
        GovernanceRefused: It does not fit the catalogue, is not bounded, or says no scenario.
    """
    check_text(need.scenario)
    if not 0 < need.needed_until - need.filed_at <= AGREEMENT_DAYS_MAX * 86_400:
        raise GovernanceRefused(
            "须需要到将来某时，且不超过五年", "data is needed until some time ahead, within five years"
        )
    if purpose is None:
        raise GovernanceRefused(
            f"本单位不能申报用途“{need.purpose}”", f"purpose '{need.purpose}' is not open to your office"
        )
    return _catalogued(need, purpose=purpose, catalogue=catalogue) if need.dataset else _not_catalogued(need, catalogue)


def _catalogued(need: Need, *, purpose: Purpose, catalogue: Catalogue) -> Need:
    opened, dataset = purpose.need(need.dataset), catalogue.datasets.get(need.dataset)
    if opened is None or dataset is None or need.controller not in ("", dataset.controller):
        raise GovernanceRefused(
            f"用途“{purpose.id}”不使用数据集“{need.dataset}”；目录中没有的数据请写明部门，不写数据集",
            f"purpose '{purpose.id}' does not use dataset '{need.dataset}'; "
            "for data that is not catalogued name the controller and no dataset",
        )
    if dataset.sharing_class is not SharingClass.CONDITIONAL:
        raise GovernanceRefused(
            f"“{dataset.name}”不需要共享协议，可直接查询", f"'{dataset.name}' needs no agreement; query it"
        )
    columns = {name for name, treatment in opened.columns.items() if treatment.action is not ColumnAction.DENY}
    lookups = {name for name in columns if opened.columns[name].action is ColumnAction.LOOKUP}
    unknown = sorted(set(need.columns) - columns)
    if unknown:
        raise GovernanceRefused(f"该用途不开放列“{unknown[0]}”", f"the purpose does not open column '{unknown[0]}'")
    return replace(
        need,
        controller=dataset.controller,
        columns=tuple(sorted(lookups.union(need.columns) if need.columns else columns)),
        working_days=catalogue.deadlines.catalogued_need.working_days,
    )


def _not_catalogued(need: Need, catalogue: Catalogue) -> Need:
    if need.controller not in catalogue.departments:
        raise GovernanceRefused(f"没有部门“{need.controller}”", f"there is no department '{need.controller}'")
    if need.columns:
        raise GovernanceRefused(
            "目录中没有的数据没有列名；请在场景中写明",
            "data that is not catalogued has no columns; describe it in the scenario",
        )
    return replace(need, working_days=catalogue.deadlines.uncatalogued_need.working_days)


def agreement_of_need(need: Need, *, valid_until: int, catalogue: Catalogue) -> AgreementRecord:
    """Return the agreement that answers a need: for its office, purpose and columns, and no longer than needed.

    Args:
        need: An accepted need for a catalogued dataset; its answer becomes the terms.
        valid_until: Seconds since 1970-01-01 UTC, exclusive; 0 for as long as it was needed.
        catalogue: The catalogue.

    Raises:
        GovernanceRefused: The controller may not agree to it.
    """
    if valid_until > need.needed_until:
        raise GovernanceRefused("协议不得长于所需时间", "the agreement lasts longer than the data is needed")
    agreement = AgreementRecord(
        id=need.agreement,
        controller=need.controller,
        recipient=catalogue.offices[need.office].division_code,
        office=need.office,
        datasets=(need.dataset,),
        columns=tuple(f"{need.dataset}.{column}" for column in need.columns),
        purposes=(need.purpose,),
        terms=need.answer,
        valid_from=need.answered_at,
        valid_until=valid_until or need.needed_until,
        signed_by=need.answered_by,
        signed_at=need.answered_at,
    )
    check_agreement(agreement, catalogue=catalogue)
    return agreement


def check_refusal(need: Need, *, basis: str, catalogue: Catalogue) -> None:
    """Raise GovernanceRefused unless the controller may refuse on this entry of the negative list."""
    entry = catalogue.negative_list.get(basis)
    if entry is None or (entry.controllers and need.controller not in entry.controllers):
        raise GovernanceRefused(
            f"“{basis}”不是负面清单中本部门可援引的条目",
            f"'{basis}' is no ground of the negative list that the department may use",
        )


def check_correction(correction: Correction, *, entity_key: str) -> None:
    """Raise GovernanceRefused unless it names a record and what is wrong with it, and its remark does not name the record."""
    if not correction.columns:
        raise GovernanceRefused("请写明哪些列有误", "name the columns that seem wrong")
    if not _folded(entity_key) or len(entity_key) > ENTITY_KEY_CHARACTERS_MAX:
        raise GovernanceRefused("请写明是哪一条记录", "say which record it is")
    check_text(correction.remark)
    if _folded(entity_key) in _folded(correction.remark):
        raise GovernanceRefused("说明中不得写入记录的标识", "the remark may not hold the record's key")


def _folded(text: str) -> str:
    """Return the letters and digits of a text only."""
    return "".join(filter(str.isalnum, plain_text(text).casefold()))
