"""Phones that may send notes: who is paired, and the one-time code that pairs."""
