"""The paper's networks, exported and compiled: boxes in, SMPL bodies out."""
