"""The second chain (gammapy), the comparison of both chains, and the gate."""
