"""From images of several telescopes to the direction, the core and the height of a shower."""
