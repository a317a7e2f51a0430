"""How a note comes in by the note port: its body, its page, and its way to the log."""
