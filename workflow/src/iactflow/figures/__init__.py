"""Figures of every product, in one style."""
