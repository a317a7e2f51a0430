"""The agents' instruction files: which they are, and giving the memory to them."""

from memsync.targets.catalog import AGENTS, Agent, Target, find_agent, resolve
from memsync.targets.states import TargetState, inspect_all
from memsync.targets.writing import adopt, apply_all, forget

__all__ = [
    "AGENTS",
    "Agent",
    "Target",
    "TargetState",
    "adopt",
    "apply_all",
    "find_agent",
    "forget",
    "inspect_all",
    "resolve",
]
