"""The agents' instruction files: which there are, and how the memory gets into them."""

from memsync.targets.agents import AGENTS, WITHOUT_FILE, Agent, Limit
from memsync.targets.catalog import (
    Target,
    configured_targets,
    find_agent,
    moved_targets,
    offered_agents,
    readers,
    real_place,
)
from memsync.targets.remarks import Remark, Size, read_twice, remarks_on, size_of
from memsync.targets.removing import forget_target
from memsync.targets.states import TargetState, inspect_all
from memsync.targets.writing import adopt, apply_all

__all__ = [
    "AGENTS",
    "WITHOUT_FILE",
    "Agent",
    "Limit",
    "Remark",
    "Size",
    "Target",
    "TargetState",
    "adopt",
    "apply_all",
    "configured_targets",
    "find_agent",
    "forget_target",
    "inspect_all",
    "moved_targets",
    "offered_agents",
    "read_twice",
    "readers",
    "real_place",
    "remarks_on",
    "size_of",
]
