"""Sync the memory folder with an rclone remote, if no sync client does it."""
