"""Evidence to facts, pure: one file per format. The registry is ``registry.py``: who needs one decoder need not load them all."""
