"""Starting with the machine: systemd, launchd, their units, and the secrets of the first start."""
