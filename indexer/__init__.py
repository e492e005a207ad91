"""From text to searchable shards: tokens, vectors, indexes on disk."""
