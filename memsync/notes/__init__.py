"""From the spool to the day's log: notes that are taken, kept, and which of them wait."""
