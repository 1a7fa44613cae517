"""Networks of others: checkpoints read without running what stands in them, checked, and kept in the user's cache."""
