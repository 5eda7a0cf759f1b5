"""DL3 event lists: run selection, mock observations, GADF indices."""
