"""Pure text: text in, text or facts out. Nothing here reads or writes a file."""
