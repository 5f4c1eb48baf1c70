"""Guest RAM to what the guest's own kernel says; pure over a Memory protocol."""
