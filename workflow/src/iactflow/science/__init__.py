"""DL3 to DL5: sky maps, spectra and light curves."""
