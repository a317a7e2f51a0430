"""Durable and safe files: they survive kills, power cuts and sync clients."""
