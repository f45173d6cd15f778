"""What offices ask of controllers: data needs (需求) and corrections (校核纠错), and by when they are answered."""

from catalog.requests.checks import (
    agreement_of_need,
    check_correction,
    check_need,
    check_refusal,
)
from catalog.requests.deadline import Deadline, deadline, is_overdue
from catalog.requests.records import Correction, CorrectionState, Need, NeedState
from catalog.requests.store import RequestStore, answer_within

__all__ = [
    "Correction",
    "CorrectionState",
    "Deadline",
    "Need",
    "NeedState",
    "RequestStore",
    "agreement_of_need",
    "answer_within",
    "check_correction",
    "check_need",
    "check_refusal",
    "deadline",
    "is_overdue",
]
