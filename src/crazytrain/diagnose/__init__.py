"""Facts to findings, pure."""
