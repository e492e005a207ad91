"""Tables of the matcher, written for this project; each names its origin in its header."""
