"""Builds the open body from MakeHuman's CC0 assets; run by hand, never imported by what runs on a robot."""
