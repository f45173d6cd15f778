"""Options that several commands share."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class LanguageChoice(StrEnum):
    """Languages of the command line."""

    ZH = "zh"
    EN = "en"


ProfileOption = Annotated[
    Path,
    typer.Option("--profile", help="配置文件 / profile file", exists=True, dir_okay=False, envvar="SHARING_PROFILE"),
]
PurposeOption = Annotated[
    str, typer.Option("--purpose", help="申报用途 / declared purpose; see `gateway catalog purposes`")
]
CaseOption = Annotated[str, typer.Option("--case", help="案件编号 / case number")]
ReasonOption = Annotated[str, typer.Option("--reason", help="理由 / why")]
LanguageOption = Annotated[LanguageChoice | None, typer.Option("--language", help="语言 / language")]
