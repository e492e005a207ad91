"""The edge: HTTP, files for people, environment variables and the clock."""
