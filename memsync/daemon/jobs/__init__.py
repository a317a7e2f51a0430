"""The jobs, each in a file of its own, and what all of them share: times, runs, history."""
