"""What the rules call: one function a rule."""
