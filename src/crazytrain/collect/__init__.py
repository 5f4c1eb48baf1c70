"""Guest to evidence: one file per source. The registry is ``registry.py``: who needs one collector need not load them all."""
