"""Air showers particle by particle, and the Cherenkov light that telescopes see of them."""
