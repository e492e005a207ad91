"""Accounts, sessions, tokens, who may do what, and the record of it."""
