"""What the memory was: backups, the publish log, the ancestry of texts, where lines came from."""
