"""Pure functions from a cell as people filled it in to a value. See each module."""
