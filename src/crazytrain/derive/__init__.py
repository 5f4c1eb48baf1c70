"""Facts now and before to facts between, pure: rates, shares, views over a window."""
