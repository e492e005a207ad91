"""Shortlists, side by side and feedback on pages, through the browser of an office."""
