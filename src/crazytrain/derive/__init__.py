"""Facts now and before to facts between, pure. The registry is ``registry.py``: who needs one deriver need not load them all."""
