"""The words of the house as types: Guest, Evidence, Case, Facts, Finding, Report."""
