from .new_plan import plan_of_three_lines as plan_of_three_lines
from .paper_plan import write_paper_plan as write_paper_plan
from .plan import ClusterPlan as ClusterPlan
from .plan import JobKey as JobKey
from .plan import Person as Person
from .plan import Plan as Plan
from .plan import PlannedModel as PlannedModel
from .plan import ReadingKey as ReadingKey
from .run import outcome_lines as outcome_lines
from .run import run_sweep as run_sweep

__all__ = [
    "ClusterPlan",
    "JobKey",
    "Person",
    "Plan",
    "PlannedModel",
    "ReadingKey",
    "outcome_lines",
    "plan_of_three_lines",
    "run_sweep",
    "write_paper_plan",
]
