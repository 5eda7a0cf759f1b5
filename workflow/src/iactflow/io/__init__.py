"""Files in and out: GADF FITS, ROOT RNTuple, and the table contracts of every data level."""
