"""How each agent is wired to memsync: one module an agent, taken back to the byte."""
