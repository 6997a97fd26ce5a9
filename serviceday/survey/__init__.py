"""Surveys of residents before a service day: the form, its codes, the page and the paper, what was answered."""

from serviceday.survey.collecting import Collecting, SurveyResult, result_of
from serviceday.survey.form import read_form

__all__ = ["Collecting", "SurveyResult", "read_form", "result_of"]
