"""Configuration, paths, targets, runs, streams, digests and costs. Knows no physics."""
