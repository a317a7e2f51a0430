"""The memory folder and an rclone remote kept alike, where no sync client does it."""
