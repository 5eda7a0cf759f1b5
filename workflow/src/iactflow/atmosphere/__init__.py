"""Density, refraction and extinction of the atmosphere; sites and their magnetic field."""
