"""Near duplicates: found, explained, grouped, merged and unmerged with a history."""
