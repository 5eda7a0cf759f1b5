"""From raw counts to photoelectrons: coefficients, extraction of pulses, unusable pixels."""
