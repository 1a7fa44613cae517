"""Millimetres that hold: a model's uncertainty turned into expected errors, radii of stated coverage and confidence."""
