"""From shapes of images to energy and gammaness: tables of simulations, and trees."""
