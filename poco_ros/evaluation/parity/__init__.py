"""Parity with the published networks: every array of a folder of golden files, recomputed with this package's code.

One module says for each golden file (SPEC section 15.3) which arrays it holds and how they are computed; the rest reads
the files, compares and counts. Nothing depends on the values or on the numbers of samples in the files, so that sets
made with other seeds check the same way.
"""
