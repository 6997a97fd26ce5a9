"""What one pass decides: from new steps of the trail, and alerts to look at again, to messages that are kept.

Pure: the same steps, looks, rules and log give the same decision, so that a file can be tried on the past.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from facility.alerts import Alert, Step
from facility.notifications import Decided, Look, MessageState, Reason
from serviceday.notification.notices import RECOVERY, TELLING, Context, Held, Ledger, Notice, Passed, through
from serviceday.notification.pipeline import PIPELINE


def decide(
    steps: Sequence[tuple[int, Step]],
    looks: Sequence[Look],
    alerts: Mapping[int, Alert],
    now: datetime,
    context: Context,
) -> Decided:
    """What to tell, what to hold back, and what to look at again."""
    notices = [*_news(steps, alerts), *_looked_at(looks, alerts, context)]
    passed = through(PIPELINE, notices, now, context)
    return Decided(
        cursor=steps[-1][0] if steps else 0,
        messages=[
            *(notice.message(now) for notice in passed.notices),
            *(stopped.notice.message(now, held=stopped) for stopped in passed.held),
        ],
        looks=[*_after_what_held(passed.held), *_escalations(passed, now), *_ends_of_shelves(steps, alerts, now)],
        looked=[look.id for look in looks],
    )


def _news(steps: Sequence[tuple[int, Step]], alerts: Mapping[int, Alert]) -> list[Notice]:
    return [
        Notice(alert=alerts[step.alert], step=number, what=step.what)
        for number, step in steps
        if step.alert in alerts and step.what in TELLING + RECOVERY
    ]


def _looked_at(looks: Sequence[Look], alerts: Mapping[int, Alert], context: Context) -> list[Notice]:
    """Looks whose alert is still there, whose route still says so, and that no later step has told."""
    routes = {route.name: route for route in context.rules.routes}
    notices = []
    for look in looks:
        alert, route = alerts.get(look.alert), routes.get(look.route)
        if alert is None:
            continue
        if look.level == 0 and not _told_since(look, context.ledger):
            notices.append(Notice(alert=alert, step=look.step, what=look.what, again=True))
        elif 0 < look.level <= len(route.escalate if route else []) and not _escalated_before(look, context.ledger):
            notices.append(Notice(alert=alert, step=look.step, what=look.what, level=look.level, route=route))
    return notices


def _told_since(look: Look, ledger: Ledger) -> bool:
    return any(
        message.step > look.step and message.what in TELLING and message.state is not MessageState.HELD
        for message in ledger.about(look.alert)
    )


def _escalated_before(look: Look, ledger: Ledger) -> bool:
    """Whether those of its level know of the alert, and it has not become graver since: once is enough until somebody
    acknowledges, however often it comes and goes."""
    return any(
        message.level >= look.level
        and message.route == look.route
        and message.state is not MessageState.HELD
        and (look.what != "worsened" or message.step >= look.step)
        for message in ledger.about(look.alert)
    )


def _after_what_held(helds: Sequence[Held]) -> list[Look]:
    return [
        Look(
            alert=each.notice.alert.id,
            step=each.notice.step,
            what=each.notice.what,
            level=each.notice.level,
            route=each.notice.route.name if each.notice.route else "",
            due_at=each.again,
        )
        for each in helds
        if each.again is not None
    ]


def _escalations(passed: Passed, now: datetime) -> list[Look]:
    """When to look whether somebody has taken on what was told, or could not be told because nobody was on duty."""
    nobody = [stopped.notice for stopped in passed.held if stopped.reason is Reason.NOBODY_ON_DUTY]
    looks: dict[tuple[int, int, int, str], Look] = {}
    for notice in [*passed.notices, *nobody]:
        route = notice.route
        if route is None or notice.recovery or notice.level >= len(route.escalate):
            continue
        waited = route.escalate[notice.level - 1].after if notice.level else None
        wait = route.escalate[notice.level].after
        due = (notice.due or now) + (wait - waited if waited else wait)
        about = (notice.alert.id, notice.step, notice.level + 1, route.name)
        look = Look(alert=about[0], step=about[1], what=notice.what, level=about[2], route=about[3], due_at=due)
        if about not in looks or due < looks[about].due_at:
            looks[about] = look
    return list(looks.values())


def _ends_of_shelves(steps: Sequence[tuple[int, Step]], alerts: Mapping[int, Alert], now: datetime) -> list[Look]:
    """What is put aside comes back: whoever put it aside is not the one who remembers."""
    aside = {step.alert: number for number, step in steps if step.what == "shelved"}
    return [
        Look(alert=number, step=step, what="unshelved", level=0, route="", due_at=until)
        for number, step in aside.items()
        if (alert := alerts.get(number)) and alert.shelved(now) and (until := alert.shelved_until)
    ]
