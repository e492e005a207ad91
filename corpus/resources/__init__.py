"""Files that ship with the package; each names its origin in a header or in the README."""
