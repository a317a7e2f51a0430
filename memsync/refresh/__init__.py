"""Pending notes become part of the memory: merged by a model or without one, checked, published."""
