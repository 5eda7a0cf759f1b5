"""From images to their parameters: cleaning, Hillas moments, what is left of the shower."""
