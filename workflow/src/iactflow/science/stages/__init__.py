"""What the rules of science call: one function a rule."""
