"""Durable and safe files: what is written survives kills, power cuts and sync clients."""
