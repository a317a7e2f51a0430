"""Pure text: nothing here reads or writes a file."""
