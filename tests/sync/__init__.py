"""Several machines and a sync client between them that merges nothing."""
