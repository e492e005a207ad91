"""Training what the product ships: adapters of the default model."""
