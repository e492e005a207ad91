"""Groups of commands; ``api.cli`` puts them together."""
