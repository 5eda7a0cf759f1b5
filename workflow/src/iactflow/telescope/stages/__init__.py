"""What the rules of the simulation call: one function a rule."""
