"""From due dates, warnings, requests and goals to the inspection list of a service day."""

from serviceday.planning.crew import Crew
from serviceday.planning.crew_file import parse_crew, read_crew
from serviceday.planning.differences import Change, differences
from serviceday.planning.due import Dues, dues
from serviceday.planning.goals import Goal, parse_goal
from serviceday.planning.notes import twice
from serviceday.planning.planner import plan
from serviceday.planning.policy import Policy
from serviceday.planning.themes import THEMES, themes
from serviceday.planning.what_if import changed

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
