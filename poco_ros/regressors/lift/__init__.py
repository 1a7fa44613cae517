"""The analytic lift from BlazePose landmarks to SMPL."""
