"""memsync keeps one memory for every AI coding agent, on every machine a person uses."""

__version__ = "0.1.0"
