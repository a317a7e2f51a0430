"""Write to the config which agents get the memory."""

from __future__ import annotations

from memsync import config as settings
from memsync.config import Config, writer
from memsync.targets.catalog import configured_targets


def name_target(config: Config, name: str, setting: object) -> None:
    """Write one target's line; None removes it. Everything else in the config stays.

    The default targets count only as long as the config names none, so the first change writes them
    down, too.
    """
    path = config.source or settings.get_config_path()
    values: dict[str, object] = {}
    if "targets" not in config.given:
        values["targets"] = {target.name: str(target.path) for target in configured_targets(config)}
    writer.change(path, {**values, f"targets.{name}": setting})
