"""What may be changed about a guest or its network, each with a dry run and a way back."""
