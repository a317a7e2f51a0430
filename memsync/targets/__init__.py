"""The agents' instruction files: which they are, and giving the memory to them."""

from memsync.targets.agents import AGENTS, WITHOUT_FILE, Agent, Limit
from memsync.targets.catalog import Target, find_agent, moved, offered, place_of, readers, resolve
from memsync.targets.remarks import Remark, Size, read_twice, remarks, size
from memsync.targets.removing import forget
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
    "find_agent",
    "forget",
    "inspect_all",
    "moved",
    "offered",
    "place_of",
    "read_twice",
    "readers",
    "remarks",
    "resolve",
    "size",
]
