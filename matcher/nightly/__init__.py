"""What is new tonight, for each subscription. Pure domain code and its queries."""
