"""What a campaign found, for machines (summary.json) and for readers (overview.html)."""
