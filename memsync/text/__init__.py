"""Pure text: text in, text or facts out. No file of a person is read or written here."""
