"""Hold what people decide against the catalogue."""

from __future__ import annotations

import re
import unicodedata

from catalog.catalogue import Catalogue
from catalog.governance.declaration import Declaration
from catalog.governance.records import AgreementRecord, GovernanceRefused

AGREEMENT_DAYS_MAX = 5 * 366
CONSENT_DAYS_MAX = 30
TEXT_CHARACTERS_MAX = 1_000
_ID = re.compile(r"[a-z0-9][a-z0-9_-]{2,62}")
_GAP = r"[\s\u2010-\u2015\u2212-]"
"""A space, hyphen or dash between the digits of one number."""
_RESIDENT_ID = re.compile(r"\d{17}[\dXx]", re.ASCII)
_DATED_RESIDENT_ID = re.compile(r"\d{6}(?:18|19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{3}[\dXx]")
"""GB 11643: division, day of birth, number, check digit; a row of dates and amounts hardly looks like it."""
_MOBILE_NUMBER = re.compile(rf"(?<!\d)(?:(?:00)?86)?1[3-9]\d(?:{_GAP}?\d){{8}}(?!\d)")


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

    The datasets must be its own, the purposes must use them, the recipient must be a division, the time must lie ahead
    and be bounded.
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
    if not 0 < agreement.valid_until - agreement.valid_from <= AGREEMENT_DAYS_MAX * 86_400:
        raise GovernanceRefused(
            "协议须在开始之后结束，且不超过五年", "an agreement ends after it starts and within five years"
        )
    if agreement.valid_until <= agreement.signed_at:
        raise GovernanceRefused("协议的结束时间已过", "the agreement is already over")


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


def check_text(text: str) -> None:
    """Raise GovernanceRefused unless a text is given, short, and holds no resident ID or mobile number, however spaced."""
    if not text.strip() or len(text) > TEXT_CHARACTERS_MAX:
        raise GovernanceRefused(
            f"请写明理由或凭据，不超过 {TEXT_CHARACTERS_MAX} 字",
            f"give the reason or evidence in at most {TEXT_CHARACTERS_MAX} characters",
        )
    folded = unicodedata.normalize("NFKC", text)
    joined = re.sub(_GAP, "", folded)
    if _RESIDENT_ID.search(folded) or _DATED_RESIDENT_ID.search(joined) or _MOBILE_NUMBER.search(folded):
        raise GovernanceRefused(
            "文字中不得写入公民身份号码或手机号码", "no text may hold a resident ID or a mobile number"
        )


def _check_division(code: str, *, catalogue: Catalogue) -> None:
    if code not in catalogue.divisions:
        raise GovernanceRefused(f"“{code}”不是行政区划代码", f"'{code}' is not a division code")
