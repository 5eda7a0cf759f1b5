"""Instrument response functions: interpolation, parametrisation."""
