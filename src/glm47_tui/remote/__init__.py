"""Not open yet."""
