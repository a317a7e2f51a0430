"""The mirror: an independent local copy of the memory folder, with its old versions."""
