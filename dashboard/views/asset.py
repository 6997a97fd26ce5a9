"""One asset: what is believed of it and why, what it measures, what is open and what is due."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta

import polars as pl
import streamlit as st

from dashboard import charts, frames, markup, places, query, reach, sources, traces, wording
from dashboard.guard import guarded
from dashboard.views import alert_detail
from dashboard.visit import Visit
from facility.assessments import Assessment
from facility.catalogue.catalogue import Aggregate, Duty, EquipmentClass, catalogue
from facility.estate import Asset
from facility.standing import Spell, spell_on
from serviceday.planning import last_date, next_due

_WINDOWS = {"24h": timedelta(hours=24), "7d": timedelta(days=7), "30d": timedelta(days=30), "90d": timedelta(days=90)}
_REFRESH = timedelta(seconds=30)
_FIRST = 6  # charts shown before one asks for all
_GROUNDS = 3  # pieces of evidence drawn


def show(visit: Visit) -> None:
    """The page of one asset: what is believed of it and why, its channels, alerts and duties."""
    assets = {asset.id: asset for asset in reach.assets(visit)}
    if not assets:
        st.subheader(visit.say("page_asset"), anchor=False)
        st.html(markup.empty(visit.say("no_assets"), visit.say("no_assets_do")))
        return
    asset = _chosen(visit, assets)
    kind = catalogue().get(asset.kind)
    assessment = reach.assessments(visit).get(asset.id)
    _head(visit, asset, kind, assessment)
    generator, delta_generator = st.columns([5, 4], gap="medium")
    with generator, st.container(border=True, height="stretch"):
        _belief(visit, assessment, kind)
    with delta_generator, st.container(border=True, height="stretch"):
        _alerts(visit, asset)
        if kind:
            _duties(visit, asset, kind)
    if kind:
        if assessment:
            _grounds(visit, assessment, kind)
        _channels(visit, asset, kind, assessment)


def _chosen(visit: Visit, assets: dict[str, Asset]) -> Asset:
    """The asset of the address, else the likeliest to need attention."""
    ranked = sorted(reach.assessments(visit).values(), key=lambda assessment: (-assessment.score, assessment.asset))
    first = next((assessment.asset for assessment in ranked if assessment.asset in assets), next(iter(assets)))
    known, naming = catalogue(), places.names(visit)
    title, box = st.columns([2, 5], vertical_alignment="bottom")
    title.subheader(visit.say("page_asset"), anchor=False)
    ids = [first, *(asset for asset in assets if asset != first)]
    asked = st.query_params.get("asset")
    if asked and asked not in assets:
        st.warning(visit.say("unknown_asset", asset=markup.plain(asked)))

    def words(one: str) -> str:
        asset = assets[one]
        kind = known[asset.kind].name[visit.language] if asset.kind in known else asset.kind
        return f"{one} · {kind} · {naming.place(asset)}"

    chosen = box.selectbox(
        visit.say("asset"),
        ids,
        index=ids.index(asked) if asked in assets else 0,
        format_func=words,
        key=f"asset-{asked}",
        label_visibility="collapsed",
    )
    if chosen != asked:
        st.query_params["asset"] = chosen
    return assets[chosen]


def _head(visit: Visit, asset: Asset, kind: EquipmentClass | None, assessment: Assessment | None) -> None:
    spell = spell_on(sources.spells(visit.folder).get(asset.id, ()), visit.now.astimezone(visit.timezone).date())
    row = frames.fleet(
        [asset],
        {asset.id: assessment} if assessment else {},
        [alert for alert in reach.open_alerts(visit) if alert.asset == asset.id],
        reach.latest(visit).filter(pl.col("asset") == asset.id),
        now=visit.now,
        language=visit.language,
        names=places.names(visit),
        unused=[asset.id] if spell is not None else (),
    ).row(0, named=True)
    badge = markup.state_badge(row["state"], visit.say(f"state_{row['state']}"))
    name = kind.name[visit.language] if kind else asset.kind
    facts = [asset.id, name, places.names(visit).place(asset)]
    if spell is not None:
        facts.append(visit.say(f"standing_{spell.kind.value}", day=spell.start.isoformat()))
    if asset.commissioned:
        facts.append(visit.say("commissioned", day=asset.commissioned.isoformat()))
    facts.append(visit.say("fresh", when=visit.relative(row["last"]), stale=row["stale"], channels=row["channels"]))
    st.html(f"{badge} {markup.escaped(' · '.join(facts))}")


def _belief(visit: Visit, assessment: Assessment | None, kind: EquipmentClass | None) -> None:
    if assessment is None:
        st.html(markup.empty(visit.say("not_assessed"), visit.say("not_assessed_do")))
        return
    st.html(markup.sentence(assessment.reason[visit.language]))
    more = [
        evidence.sentence[visit.language]
        for evidence in assessment.evidence
        if not _told_by(assessment.reason[visit.language], evidence.sentence[visit.language])
    ]
    if more:
        st.html(markup.bullets(more))
    mode = kind.modes.get(assessment.mode) if kind else None
    if not (assessment.tells_health or assessment.flagged):  # the figures are those of any asset
        st.html(
            markup.pairs(
                [
                    (visit.say("coverage"), wording.percent(assessment.coverage)),
                    (visit.say("as_of"), visit.both(assessment.as_of)),
                ]
            )
        )
        return
    st.html(
        markup.pairs(
            [
                (
                    visit.say("probability"),
                    visit.say(
                        "within_days",
                        share=wording.percent(assessment.probability),
                        days=wording.number(assessment.horizon_days),
                    ),
                ),
                (visit.say("sensor_probability"), wording.percent(assessment.sensor_probability)),
                (visit.say("mode"), mode.name[visit.language] if mode else ""),
                (visit.say("alternatives"), _other_modes(visit, assessment, kind)),
                (visit.say("look_for"), mode.look_for[visit.language] if mode else ""),
                (visit.say("refuted_if"), _refuted_if(visit, assessment)),
                (visit.say("days_left"), _days_left(visit, assessment)),
                (visit.say("coverage"), wording.percent(assessment.coverage)),
                (visit.say("as_of"), visit.both(assessment.as_of)),
                (visit.say("model"), assessment.model),
            ]
        )
    )


def _other_modes(visit: Visit, assessment: Assessment, kind: EquipmentClass | None) -> str:
    if assessment.prognosis is None or kind is None:
        return ""
    names = [kind.modes[key].name[visit.language] for key in assessment.prognosis.alternatives if key in kind.modes]
    return ("、" if visit.language == "zh" else ", ").join(names)


def _refuted_if(visit: Visit, assessment: Assessment) -> str:
    if assessment.prognosis is None or assessment.prognosis.refuted_if is None:
        return ""
    return assessment.prognosis.refuted_if[visit.language]


def _days_left(visit: Visit, assessment: Assessment) -> str:
    """Days until a limit is crossed at the present pace, with the interval they lie in."""
    if assessment.prognosis is None or assessment.prognosis.days_to_limit is None:
        return ""
    days = f"{assessment.prognosis.days_to_limit:.0f}"
    between = assessment.prognosis.days_between
    if between is None:
        return visit.say("days_left_about", days=days)
    soon, late = between
    if late is None:
        return visit.say("days_left_from", days=days, soon=f"{soon:.0f}")
    return visit.say("days_left_between", days=days, soon=f"{soon:.0f}", late=f"{late:.0f}")


def _told_by(reason: str, sentence: str) -> bool:
    return reason.startswith(sentence.rstrip(".。"))


def _grounds(visit: Visit, assessment: Assessment, kind: EquipmentClass) -> None:
    """The strongest evidence as it was judged: figures a day, beside what they should have been."""
    drawn = [
        evidence
        for evidence in assessment.evidence
        if evidence.channel in kind.channels and charts.can_be_drawn(evidence)
    ][:_GROUNDS]
    if not drawn:
        return
    st.markdown(f"**{visit.say('grounds')}**")
    for column, one in zip(st.columns(max(2, len(drawn)), gap="small"), drawn, strict=False):
        channel = kind.channels[one.channel]
        name = channel.name[visit.language]
        if channel.aggregate is Aggregate.STATE:
            name = visit.say("figure_share", name=name)
        elif one.pattern in ("rate", "variance"):
            name = visit.say(f"figure_{one.pattern}", name=name)
        value, expected = (charts.figure_words(figure, channel, visit.language) for figure in (one.value, one.expected))
        with column, st.container(border=True, gap="xsmall"):
            note = visit.say("grounds_note", expected=expected)
            st.html(markup.channel_head(name, value, note))
            chart = charts.evidence_chart(
                one, channel, end=assessment.as_of, timezone=visit.timezone, language=visit.language
            )
            st.vega_lite_chart(visit.toned(chart), theme=None, key=f"grounds-{channel.key}")


def _alerts(visit: Visit, asset: Asset) -> None:
    st.markdown(f"**{visit.say('alerts')}**")
    alerts = sources.records(visit.folder).alerts.all(asset=asset.id)
    if not alerts:
        st.html(markup.quiet(visit.say("no_alerts_here")))
        if query.switch(visit.say("alert_why"), "why"):
            alert_detail.of_asset(visit, asset.id)
        return
    rows = [
        (
            visit.say(f"severity_{alert.severity.value}"),
            alert.title[visit.language],
            visit.relative(alert.opened_at),
            visit.say(f"alert_{alert.state.value}"),
        )
        for alert in alerts[:6]
    ]
    titles = [visit.say(key) for key in ("severity", "what", "noticed", "state")]
    st.html(markup.table(titles, rows, wraps=1))
    if query.switch(visit.say("alert_why"), "why"):
        alert_detail.of_asset(visit, asset.id)


def _duties(visit: Visit, asset: Asset, kind: EquipmentClass) -> None:
    if not kind.duties:
        return
    st.markdown(f"**{visit.say('duties')}**")
    done, spells = sources.duties_done(visit.folder), sources.spells(visit.folder).get(asset.id, ())
    rows = []
    for duty in kind.duties.values():
        last = last_date(kind.duties, asset.id, duty.key, done, date.today())
        rows.append(
            (
                duty.name[visit.language],
                visit.say("statutory") if duty.statutory else visit.say("advised"),
                duty.interval.every[visit.language],
                last.isoformat() if last else visit.say("no_record"),
                _next_due(duty, last, spells, asset.commissioned),
            )
        )
    titles = [visit.say(key) for key in ("duty", "ground", "interval", "last_done", "next_due")]
    st.html(markup.table(titles, rows))


def _next_due(duty: Duty, last: date | None, spells: Sequence[Spell], commissioned: date | None) -> str:
    due = next_due(duty, last, spells, commissioned) if last else None
    return due.isoformat() if due else "–"


def _channels(visit: Visit, asset: Asset, kind: EquipmentClass, assessment: Assessment | None) -> None:
    title, window_box, all_box = st.columns([3, 3, 2], vertical_alignment="center")
    title.markdown(f"**{visit.say('channels')}**")
    with window_box:
        window = query.segments(
            visit.say("window"), "window", list(_WINDOWS), "30d", lambda one: visit.say(f"window_{one}")
        )
    with all_box:
        everything = query.switch(visit.say("all_channels"), "all")
    _charts(visit, asset, kind, assessment, _WINDOWS[window], everything=everything)


@st.fragment(run_every=_REFRESH)
@guarded
def _charts(
    visit: Visit,
    asset: Asset,
    kind: EquipmentClass,
    assessment: Assessment | None,
    length: timedelta,
    *,
    everything: bool,
) -> None:
    now = max(visit.now, datetime.now(visit.now.tzinfo))
    latest = reach.latest(visit).filter(pl.col("asset") == asset.id)
    if latest.is_empty():
        st.html(markup.empty(visit.say("no_readings"), visit.say("no_readings_do")))
        return
    newest = latest["time"].max()
    end = traces.window_end(newest if isinstance(newest, datetime) else now)
    frame = sources.window(visit.folder, asset.id, end - length, end)
    start = traces.window_start(frame, end - length)
    drawn = traces.traces(kind, frame, latest, assessment, now=now)
    shown = drawn if everything else drawn[:_FIRST]
    for left in range(0, len(shown), 2):
        for column, trace in zip(st.columns(2, gap="small"), shown[left : left + 2], strict=False):
            with column, st.container(border=True, gap="xsmall"):
                _chart(visit, trace, start, end, now)
    if len(shown) < len(drawn):
        st.html(markup.quiet(visit.say("more_channels", n=len(drawn) - len(shown))))


def _chart(visit: Visit, trace: traces.Trace, start: datetime, end: datetime, now: datetime) -> None:
    channel = trace.channel
    note = wording.relative(trace.last_time, now, visit.language)
    if trace.stale:
        note = visit.say("stale_note", when=note)
    value = traces.last_words(trace, visit.language)
    st.html(markup.channel_head(channel.name[visit.language], value, note, beyond=trace.beyond_limit))
    if trace.frame.is_empty():
        st.html(markup.quiet(visit.say("nothing_in_window")))
    else:
        chart = charts.channel_chart(
            trace.frame,
            channel,
            start=start,
            end=end,
            timezone=visit.timezone,
            language=visit.language,
            forecast=trace.forecast,
        )
        st.vega_lite_chart(visit.toned(chart), theme=None, key=f"chart-{channel.key}")
    st.html(markup.quiet(traces.bounds_words(channel, visit.language)))
