"""A need and a correction as they were filed before the Spring Festival of 2026."""

from __future__ import annotations

import datetime

from catalog.requests import Correction, Need

_SHANGHAI = datetime.timezone(datetime.timedelta(hours=8))


def at(text: str) -> int:
    """Return a time in Shanghai as seconds since 1970-01-01 UTC."""
    return int(datetime.datetime.fromisoformat(text).replace(tzinfo=_SHANGHAI).timestamp())


FILED_AT = at("2026-02-10 10:00")
NEED = Need(
    id="need-1",
    office="310101002",
    filed_by="nanjing-east-road",
    filed_at=FILED_AT,
    working_days=10,
    controller="housing",
    dataset="housing.dwelling",
    columns=("address", "dwelling_code"),
    purpose="fire-safety-inspection",
    scenario="检查老旧住宅的消防通道",
    needed_until=at("2026-12-31 00:00"),
)
CORRECTION = Correction(
    id="correction-1",
    office="310101002",
    filed_by="nanjing-east-road",
    filed_at=FILED_AT,
    working_days=10,
    controller="housing",
    dataset="housing.dwelling",
    row_reference="row1.abc",
    columns=("floors_total",),
    remark="现场为六层",
    receipt="entry-1",
)
