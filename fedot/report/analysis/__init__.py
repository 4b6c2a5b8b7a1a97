"""Numbers that are shown: means, intervals, comparisons, and what they say in sentences."""
