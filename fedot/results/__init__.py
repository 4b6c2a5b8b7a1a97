"""`results.json`: what it may say, how it is written and how it is read."""

from fedot.results.results_json import SCHEMA, load_results, plain, write_results

__all__ = ["SCHEMA", "load_results", "plain", "write_results"]
