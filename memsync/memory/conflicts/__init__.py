"""Conflict copies become part of the memory, or a question that a person decides."""
