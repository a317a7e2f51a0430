"""Starting with the machine: systemd, launchd, their unit files, and the first secrets."""
