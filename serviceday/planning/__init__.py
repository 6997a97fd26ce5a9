"""From due dates, warnings, requests and goals to the inspection list of a service day."""

from typing import TYPE_CHECKING

from serviceday.planning.crew.crew import Crew
from serviceday.planning.crew.parser import parse_crew, read_crew
from serviceday.planning.demand.duties import Dues, dues, last_date, next_due
from serviceday.planning.demand.goals import Goal, parse_goal
from serviceday.planning.demand.themes import THEMES, themes
from serviceday.planning.policy import Policy
from serviceday.planning.schedule.diff import Change, differences
from serviceday.planning.schedule.notes import twice
from serviceday.planning.schedule.scenarios import changed

if TYPE_CHECKING:
    from serviceday.planning.planner import plan
    from serviceday.planning.service import Planning, PlanRequest, again

__all__ = [
    "THEMES",
    "Change",
    "Crew",
    "Dues",
    "Goal",
    "PlanRequest",
    "Planning",
    "Policy",
    "again",
    "changed",
    "differences",
    "dues",
    "last_date",
    "next_due",
    "parse_crew",
    "parse_goal",
    "plan",
    "read_crew",
    "themes",
    "twice",
]


def __getattr__(name: str) -> object:
    """`plan` and the service bring two solvers along, and most commands that know of plans make none."""
    if name == "plan":
        from serviceday.planning.planner import plan

        return plan
    if name in ("PlanRequest", "Planning", "again"):
        from serviceday.planning import service

        return getattr(service, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
