"""Benchmarks and fits: run by hand, each prints its method; never asserted in timed tests."""
