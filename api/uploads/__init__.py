"""Files that people send for import: kept, recognised, checked, corrected, loaded."""
