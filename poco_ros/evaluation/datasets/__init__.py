"""The data sets of the field, read from the user's own files and measured as their protocols say (SPEC section 14)."""
