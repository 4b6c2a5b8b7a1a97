"""What a fusion does, decided once: stages and methods, the request, the plan, and what comes of it."""

from fedot.fusion.plan.config import FusionConfig
from fedot.fusion.plan.make_plan import FusionPlan, check_plan, plan_fusion, plan_without_models

__all__ = ["FusionConfig", "FusionPlan", "check_plan", "plan_fusion", "plan_without_models"]
