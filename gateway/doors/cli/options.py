"""Options that several commands share."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from gateway.doors.cli.shell_completion import complete_purpose


class LanguageChoice(StrEnum):
    """Languages of the command line."""

    ZH = "zh"
    EN = "en"


NO_PROFILE = Path()
"""Stands for a profile that was not given."""
ProfileOption = Annotated[
    Path,
    typer.Option(
        "--profile",
        help="配置文件 / profile file",
        envvar="SHARING_PROFILE",
        default_factory=lambda: NO_PROFILE,
        show_default=False,
    ),
]
PurposeOption = Annotated[
    str,
    typer.Option(
        "--purpose",
        help="申报用途 / declared purpose; see `gateway catalog purposes`",
        autocompletion=complete_purpose,
    ),
]
CaseOption = Annotated[str, typer.Option("--case", help="案件编号 / case number")]
ReasonOption = Annotated[str, typer.Option("--reason", help="理由 / why")]
LanguageOption = Annotated[LanguageChoice | None, typer.Option("--language", help="语言 / language")]
