"""How good it is: judgements, measures, significance, reports."""
