"""The child without privileges: it parses guest memory through descriptors that it was handed, and can open nothing."""
