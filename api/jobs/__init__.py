"""Work that runs by itself: one process at a time, step by step."""
