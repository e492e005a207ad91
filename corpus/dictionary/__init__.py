"""Words that people add to the shipped dictionary: drafted, published in versions, taken back."""
