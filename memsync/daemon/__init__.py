"""The daemon: what memsync does on a schedule and on the network. Core never imports it."""
