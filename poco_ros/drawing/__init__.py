"""Bodies as pictures: colours for trust, skeletons, shaded meshes and labels, on numpy images without ROS."""
