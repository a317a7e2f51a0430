"""What the pages show, as plain values and words: no request, no response."""
