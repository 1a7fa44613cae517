"""POCO-Lift: the learned lift from BlazePose's landmarks and features to SMPL with the paper's uncertainty."""
