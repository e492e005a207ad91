"""What an operator sees of a running server: logs and figures, without personal data."""
