"""iactflow: from air showers to sky maps for imaging atmospheric Cherenkov telescopes."""

__version__ = "0.1.0"
