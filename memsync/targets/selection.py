"""Writing which agents get the memory into the config."""

from __future__ import annotations

from memsync import config as settings
from memsync import targets
from memsync.config import Config, writer


def name_target(config: Config, name: str, setting: object) -> None:
    """Write one target's line; None takes it away. What else a person wrote there stays.

    Naming one target ends the guessing, so those guessed so far are named with it.
    """
    path = config.source or settings.get_config_path()
    values: dict[str, object] = {}
    if "targets" not in config.given:
        values["targets"] = {
            target.name: str(target.path) for target in targets.configured_targets(config)
        }
    writer.change(path, {**values, f"targets.{name}": setting})
