"""From due dates and assessments to the inspection list of a service day."""

from serviceday.planning.crew import Crew
from serviceday.planning.planner import plan
from serviceday.planning.policy import Policy

__all__ = ["Crew", "Policy", "plan"]
