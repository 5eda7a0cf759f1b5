"""Interactions of hadrons and nuclei with air: event generators, cross-sections, a pool."""
