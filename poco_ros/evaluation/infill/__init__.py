"""How well gaps in a stream of bodies are filled: motion capture, simulated occlusions, metrics."""
