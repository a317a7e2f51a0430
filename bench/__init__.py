"""The figures memsync promises, each measured beside its peer in the same run."""
