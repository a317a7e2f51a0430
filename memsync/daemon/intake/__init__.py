"""The road of a note that comes by the port: its body, its page, and the way to the log."""
