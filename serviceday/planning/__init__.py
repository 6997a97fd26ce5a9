"""From due dates, warnings, requests and goals to the inspection list of a service day."""

from typing import TYPE_CHECKING, Any

from serviceday.planning.crew import Crew
from serviceday.planning.crew_file import parse_crew, read_crew
from serviceday.planning.differences import Change, differences
from serviceday.planning.due import Dues, dues
from serviceday.planning.goals import Goal, parse_goal
from serviceday.planning.notes import twice
from serviceday.planning.policy import Policy
from serviceday.planning.themes import THEMES, themes
from serviceday.planning.what_if import changed

if TYPE_CHECKING:
    from serviceday.planning.planner import plan

__all__ = [
    "THEMES",
    "Change",
    "Crew",
    "Dues",
    "Goal",
    "Policy",
    "changed",
    "differences",
    "dues",
    "parse_crew",
    "parse_goal",
    "plan",
    "read_crew",
    "themes",
    "twice",
]


def __getattr__(name: str) -> Any:
    """`plan` brings two solvers along, and most commands that know of plans make none."""
    if name == "plan":
        from serviceday.planning.planner import plan

        return plan
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
