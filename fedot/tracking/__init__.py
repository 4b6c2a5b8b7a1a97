"""A run's results in the tools that people have open: TensorBoard and MLflow, one file each.

The command that waited for a run writes them from its `results.json`, as it draws the report. Nothing here is loaded
before it is asked for, and nothing is sent anywhere but where the user's own settings say.
"""

from fedot.tracking.at_the_end import TOOLS, check_tools, tracked_at_the_end

__all__ = ["TOOLS", "check_tools", "tracked_at_the_end"]
