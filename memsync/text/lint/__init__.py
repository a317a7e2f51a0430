"""Rules that read a memory line by line and say what deserves a look."""
