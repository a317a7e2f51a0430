"""Talking to a model: the client, its prices, its failures, and models on one's own server."""
