"""The jobs: when they run, how a run goes, and how the last ones went."""
