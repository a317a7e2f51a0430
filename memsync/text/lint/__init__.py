"""Rules that read a memory line by line and report what deserves a look."""
