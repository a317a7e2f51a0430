"""Talking to a model: the client, its prices, its failures, models on a machine of one's own."""
