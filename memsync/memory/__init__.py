"""The memory folder: the memory, its history, its conflicts, its copies, and its machines."""
