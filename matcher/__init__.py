"""From a need to explained matches."""
