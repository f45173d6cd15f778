"""Settings from a TOML file; environment variables win."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, TomlConfigSettingsSource

S = TypeVar("S", bound=BaseSettings)


def read_settings(kind: type[S], file: Path) -> S:
    """Return the settings of a kind that a file and the environment hold.

    Raises:
        pydantic.ValidationError: All problems at once.
        OSError: The file cannot be read.
    """
    with file.open("rb"):
        pass  # pydantic-settings takes a file that it cannot read for an empty one

    class FromFile(kind):  # type: ignore[valid-type, misc]
        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],
            init_settings: PydanticBaseSettingsSource,
            env_settings: PydanticBaseSettingsSource,
            dotenv_settings: PydanticBaseSettingsSource,
            file_secret_settings: PydanticBaseSettingsSource,
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            return env_settings, TomlConfigSettingsSource(settings_cls, toml_file=file)

    settings: S = FromFile()
    return settings
