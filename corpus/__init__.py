"""What there is to match: records, text, import, storage."""
