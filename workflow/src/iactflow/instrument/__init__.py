"""Descriptions of arrays, telescopes and cameras, versioned and frozen by a digest."""
