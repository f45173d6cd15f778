"""Hold what people decide against the catalogue."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from catalog.catalogue import Catalogue
from catalog.governance.declaration import Declaration
from catalog.governance.records import AgreementRecord, GovernanceRefused, Stop, StopKind, StopRecord

AGREEMENT_DAYS_MAX = 5 * 366
CONSENT_DAYS_MAX = 30
TEXT_CHARACTERS_MAX = 1_000
_ID = re.compile(r"[a-z0-9][a-z0-9_-]{2,62}")
_UNSEEN = frozenset({"Cf", "Me", "Mn"})
"""Unicode categories of what can stand between or upon characters without being seen."""
_GAP = r"[\s.,·/_\u2010-\u2015\u2212-]"
"""What may stand between the digits of one number: up to three in a resident ID, one in a mobile number."""
_RESIDENT_ID = re.compile(r"\d{17}[\dXx]", re.ASCII)
_PIECES = re.compile(rf"(?<!\d)(?=(\d(?:{_GAP}{{0,3}}\d){{16}}{_GAP}{{0,3}}[\dXx])(?!\d|[-./]\d\d?[-./]\d))")
"""Eighteen digits that do not end within a date."""
_DATED_RESIDENT_ID = re.compile(r"\d{6}(?:18|19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{3}[\dXx]")
"""GB 11643: division, day of birth, number, check digit; a row of dates and amounts hardly looks like it."""
_MOBILE_NUMBER = re.compile(rf"(?<!\d)(?:(?:00)?86)?1[3-9]\d(?:{_GAP}?\d){{8}}(?!\d)")
_OCTET = r"(?:25[0-5]|2[0-4]\d|1?\d?\d)"
_NO_MOBILE_NUMBER = re.compile(
    r"(?<!\d)(?:19|20)\d\d([-./])(?:0?[1-9]|1[0-2])\1(?:0?[1-9]|[12]\d|3[01])(?!\d)"
    r"|(?<![\d.,])(?:\d{1,3}(?:,\d{3})+(?:\.\d\d?)?|\d+\.\d\d?)(?![.,]?\d)"
    rf"|(?<![\d.])(?:{_OCTET}\.){{3}}{_OCTET}(?!\.?\d)"
)
"""A date, an amount of money, an internet address."""


def check_declaration(declaration: Declaration, *, catalogue: Catalogue) -> None:
    """Raise GovernanceRefused unless the area is a division, every purpose waits for an emergency and the title names nobody."""
    check_text(declaration.title.zh)
    check_text(declaration.title.en)
    _check_division(declaration.area, catalogue=catalogue)
    for id in declaration.purposes:
        purpose = catalogue.purposes.get(id)
        if purpose is None or not purpose.emergency_required:
            raise GovernanceRefused(f"“{id}”不是应急用途", f"'{id}' is not a purpose that needs an emergency")


def check_agreement(agreement: AgreementRecord, *, catalogue: Catalogue) -> None:
    """Raise GovernanceRefused unless the controller may agree to this.

    The datasets must be its own, the purposes must use them, the recipient must be a division, office and columns must exist, the
    time must lie ahead and be bounded.
    """
    if not _ID.fullmatch(agreement.id):
        raise GovernanceRefused(
            "编号须为 3 至 63 个小写字母、数字、连字符或下划线",
            "an id has 3 to 63 of a-z, 0-9, - and _",
        )
    if not agreement.datasets or not agreement.purposes:
        raise GovernanceRefused("协议须列出数据集和用途", "an agreement names datasets and purposes")
    for name in agreement.datasets:
        dataset = catalogue.datasets.get(name)
        if dataset is None or dataset.controller != agreement.controller:
            raise GovernanceRefused(f"数据集“{name}”不属于本部门", f"dataset '{name}' is not the department's")
    for id in agreement.purposes:
        purpose = catalogue.purposes.get(id)
        if purpose is None or not any(purpose.need(name) for name in agreement.datasets):
            raise GovernanceRefused(f"用途“{id}”不使用这些数据集", f"purpose '{id}' uses none of the datasets")
    _check_division(agreement.recipient, catalogue=catalogue)
    _check_bounds(agreement, catalogue=catalogue)
    if not 0 < agreement.valid_until - agreement.valid_from <= AGREEMENT_DAYS_MAX * 86_400:
        raise GovernanceRefused(
            "协议须在开始之后结束，且不超过五年", "an agreement ends after it starts and within five years"
        )
    if agreement.valid_until <= agreement.signed_at:
        raise GovernanceRefused("协议的结束时间已过", "the agreement is already over")


def _check_bounds(agreement: AgreementRecord, *, catalogue: Catalogue) -> None:
    known = {f"{name}.{column.name}" for name in agreement.datasets for column in catalogue.datasets[name].columns}
    for column in agreement.columns:
        if column not in known:
            raise GovernanceRefused(
                f"协议的数据集没有列“{column}”", f"the agreement's datasets have no column '{column}'"
            )
    if agreement.office and agreement.office not in catalogue.offices:
        raise GovernanceRefused(f"没有单位“{agreement.office}”", f"there is no office '{agreement.office}'")
    if agreement.terms:
        check_text(agreement.terms)


def check_consent(resident_id: str, *, purpose: str, days: int, evidence: str, catalogue: Catalogue) -> None:
    """Raise GovernanceRefused unless the purpose rests on consent, for a bounded time and with evidence that names nobody."""
    known = catalogue.purposes.get(purpose)
    if known is None or not known.consent_required:
        raise GovernanceRefused(f"用途“{purpose}”不以同意为依据", f"purpose '{purpose}' does not rest on consent")
    if not _RESIDENT_ID.fullmatch(resident_id):
        raise GovernanceRefused("公民身份号码格式不正确", "the resident ID is malformed")
    if not 1 <= days <= CONSENT_DAYS_MAX:
        raise GovernanceRefused(
            f"同意有效期为 1 至 {CONSENT_DAYS_MAX} 天", f"consent lasts 1 to {CONSENT_DAYS_MAX} days"
        )
    check_text(evidence)


def check_not_stopped(
    agreement: AgreementRecord, *, stops: Iterable[StopRecord], agreements: Iterable[AgreementRecord]
) -> None:
    """Raise GovernanceRefused when signing would undo what an administrator has stopped.

    Args:
        agreement: About to be signed.
        stops: Those not lifted.
        agreements: All, revoked ones too: who revokes a stopped agreement has not lifted the stop.
    """
    known = {one.id: one for one in agreements}
    ordered = (record.stop for record in stops if record.by_administrator and record.stop.kind is StopKind.AGREEMENT)
    for stop in ordered:
        stopped = known.get(stop.target)
        if stop.controller == agreement.controller and (stopped is None or _overlap(stopped, agreement)):
            raise GovernanceRefused(
                f"管理员已停用协议“{stop.target}”，与本协议的接收方、数据集和用途重合；请管理员解除停用",
                f"an administrator has stopped agreement '{stop.target}', which shares recipients, datasets and purposes "
                "with this one; ask an administrator to lift the stop",
            )


def _overlap(one: AgreementRecord, other: AgreementRecord) -> bool:
    """Tell whether some office might use some dataset for some purpose under both."""
    return (
        (one.recipient.startswith(other.recipient) or other.recipient.startswith(one.recipient))
        and (one.office == other.office or "" in (one.office, other.office))
        and not frozenset(one.datasets).isdisjoint(other.datasets)
        and not frozenset(one.purposes).isdisjoint(other.purposes)
    )


def check_stop(stop: Stop, *, catalogue: Catalogue, agreements: Iterable[AgreementRecord]) -> None:
    """Raise GovernanceRefused unless what is stopped is there and is the controller's."""
    if stop.kind is StopKind.OFFICE:
        known = stop.target in catalogue.offices and stop.controller in catalogue.departments
    else:
        known = stop.controller == controller_of(stop, catalogue=catalogue, agreements=agreements)
    if not known:
        raise GovernanceRefused(
            f"“{stop.target}”不存在，或不属于该部门", f"'{stop.target}' does not exist or is not the department's"
        )


def controller_of(stop: Stop, *, catalogue: Catalogue, agreements: Iterable[AgreementRecord]) -> str | None:
    """Return whose the stopped dataset, column or standing agreement is; None when it does not exist or is an office."""
    if stop.kind is StopKind.AGREEMENT:
        return next((a.controller for a in agreements if a.id == stop.target and a.revoked is None), None)
    dataset = catalogue.datasets.get(stop.dataset)
    if dataset is None or (stop.kind is StopKind.COLUMN and dataset.column(stop.target.rpartition(".")[2]) is None):
        return None
    return dataset.controller


def check_text(text: str) -> None:
    """Raise GovernanceRefused unless a text is given, short, and holds no resident ID or mobile number, whole or in pieces."""
    if not text.strip() or len(text) > TEXT_CHARACTERS_MAX:
        raise GovernanceRefused(
            f"请写明理由或凭据，不超过 {TEXT_CHARACTERS_MAX} 字",
            f"give the reason or evidence in at most {TEXT_CHARACTERS_MAX} characters",
        )
    plain = plain_text(text)
    joined = (re.sub(_GAP, "", pieces[1]) for pieces in _PIECES.finditer(plain))
    if (
        _RESIDENT_ID.search(plain)
        or any(map(_DATED_RESIDENT_ID.fullmatch, joined))
        or _MOBILE_NUMBER.search(_NO_MOBILE_NUMBER.sub("|", plain))
    ):
        raise GovernanceRefused(
            "文字中不得写入公民身份号码或手机号码", "no text may hold a resident ID or a mobile number"
        )


def plain_text(text: str) -> str:
    """Return a text in plain characters: one form of each, digits as ASCII, nothing that is not seen."""
    folded = unicodedata.normalize("NFKC", text)
    return "".join(str(unicodedata.decimal(one, one)) for one in folded if unicodedata.category(one) not in _UNSEEN)


def _check_division(code: str, *, catalogue: Catalogue) -> None:
    if code not in catalogue.divisions:
        raise GovernanceRefused(f"“{code}”不是行政区划代码", f"'{code}' is not a division code")
