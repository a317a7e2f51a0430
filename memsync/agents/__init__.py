"""How each agent calls memsync: one module for each agent; every change can be undone exactly."""
