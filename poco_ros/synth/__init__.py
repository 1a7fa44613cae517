"""Made-up training data: motion-captured poses on the open body, rendered, and seen by the real BlazePose."""
