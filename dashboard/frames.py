"""Frames that the pages show: records and readings side by side, one row an asset, an alert or a channel.

Nothing is judged here. An asset's state only repeats the worst of what alerts, assessments and the catalogue's
staleness say.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from functools import lru_cache

import polars as pl

from dashboard.initials import initials
from dashboard.palette import STATES, TROUBLED
from facility.alerts import Alert, Severity, Source
from facility.assessments import Assessment, Knowledge, knowledge
from facility.catalogue.catalogue import catalogue
from facility.estate import Asset
from facility.i18n.phrases import Language
from serviceday.documents.branding import NO_NAMES, Names

_ORDER = {state: place for place, state in enumerate(STATES)}
_TROUBLED = pl.col("state").is_in(TROUBLED).sum().alias("troubled")


@lru_cache(maxsize=1)
def _staleness() -> pl.DataFrame:
    rows = [
        (kind.key, channel.key, channel.stale_after)
        for kind in catalogue().values()
        for channel in kind.channels.values()
    ]
    return pl.DataFrame(
        rows, schema={"kind": pl.String, "channel": pl.String, "stale_after": pl.Duration("us")}, orient="row"
    )


_OF_SENSORS = (Source.SENSOR, Source.SILENCE)  # what is unknown, not what is wrong


def freshness(latest: pl.DataFrame, assets: Sequence[Asset], now: datetime) -> pl.DataFrame:
    """How fresh each asset is: asset, last (newest reading), channels (seen so far), stale (of these, silent)."""
    kinds = pl.DataFrame(
        {"asset": [asset.id for asset in assets], "kind": [asset.kind for asset in assets]},
        schema={"asset": pl.String, "kind": pl.String},
    )
    frame = latest.join(kinds, on="asset").join(_staleness(), on=["kind", "channel"], how="left")
    return frame.group_by("asset").agg(
        pl.col("time").max().alias("last"),
        pl.len().alias("channels"),
        (pl.lit(now) - pl.col("time") > pl.col("stale_after")).sum().alias("stale"),
    )


def fleet(
    assets: Sequence[Asset],
    assessments: Mapping[str, Assessment],
    alerts: Sequence[Alert],
    latest: pl.DataFrame,
    *,
    now: datetime,
    language: Language,
    names: Names = NO_NAMES,
    unused: Collection[str] = (),
) -> pl.DataFrame:
    """One row an asset, likeliest trouble first; those of which nothing can be said come last and have no figures.

    `unused` are the assets that are out of use or retired.

    Columns: asset, kind, kind_name, site, building, place, state, probability, score, reason, last, channels, stale,
    alerts, latitude, longitude, spoken (what a search looks at).
    """
    known = catalogue()
    counted = Counter(alert.asset for alert in alerts)
    urgent = {alert.asset for alert in alerts if alert.severity is Severity.HIGH}
    worrying = {alert.asset for alert in alerts if alert.source not in _OF_SENSORS}
    doubted = {alert.asset for alert in alerts if alert.source in _OF_SENSORS}
    rows = []
    for asset in assets:
        assessment = assessments.get(asset.id)
        kind = known.get(asset.kind)
        rows.append(
            (
                asset.id,
                asset.kind,
                kind.name[language] if kind else asset.kind,
                asset.site,
                asset.building,
                names.place(asset),
                _state(asset.id, assessment, urgent, worrying, doubted),
                assessment.probability if assessment and _speaks(assessment) else None,
                assessment.score if assessment and _speaks(assessment) else None,
                assessment.reason[language] if assessment else "",
                counted[asset.id],
                asset.latitude,
                asset.longitude,
                spoken(asset, names),
            )
        )
    schema = {
        "asset": pl.String,
        "kind": pl.String,
        "kind_name": pl.String,
        "site": pl.String,
        "building": pl.String,
        "place": pl.String,
        "said": pl.String,
        "probability": pl.Float64,
        "score": pl.Float64,
        "reason": pl.String,
        "alerts": pl.Int64,
        "latitude": pl.Float64,
        "longitude": pl.Float64,
        "spoken": pl.String,
    }
    frame = pl.DataFrame(rows, schema=schema, orient="row")
    fresh = freshness(latest, assets, now)
    calm = ~pl.col("said").is_in([*TROUBLED, "sensor"])
    return (
        frame.join(fresh, on="asset", how="left", maintain_order="left")
        .with_columns(pl.col("channels", "stale").fill_null(0))
        .with_columns(
            pl.when(calm & pl.col("asset").is_in(list(unused)))
            .then(pl.lit("out_of_use"))
            .when(calm & (pl.col("channels") == 0))
            .then(pl.lit("never_heard"))
            .when(calm & (pl.col("stale") >= pl.col("channels")))
            .then(pl.lit("silent"))
            .otherwise("said")
            .alias("state")
        )
        .drop("said")
        .sort(["probability", "score", "asset"], descending=[True, True, False], nulls_last=True)
    )


def _state(asset: str, assessment: Assessment | None, urgent: set[str], worrying: set[str], doubted: set[str]) -> str:
    if asset in urgent:
        return "alarm"
    if asset in worrying or (assessment and assessment.flagged):
        return "attention"
    if asset in doubted:
        return "sensor"
    state = knowledge(assessment)
    return "normal" if state is Knowledge.ASSESSED else state.value


def _speaks(assessment: Assessment) -> bool:
    """Whether its figures say something of this asset, and not only of any."""
    return assessment.tells_health or assessment.flagged


def by_state(frame: pl.DataFrame) -> dict[str, int]:
    """How many assets are in each state, worst first; states nobody is in count 0."""
    found = dict(frame.group_by("state").len().iter_rows())
    return {state: int(found.get(state, 0)) for state in STATES}


def abreast(frame: pl.DataFrame, *, most: int, names: Names = NO_NAMES) -> tuple[pl.DataFrame, str]:
    """The rows of `fleet` that a grid of at most so many columns can show, and what its columns are.

    Adds `column`, a name: every building where they fit ("buildings"), else every site ("sites"), else the buildings
    with most assets in trouble ("worst_buildings"). A building says its site too where two sites use the same.
    """
    placed = frame.filter(pl.col("building") != "")
    pairs = placed.select("site", "building").unique(maintain_order=True)
    plain = [names.building(*pair) for pair in pairs.iter_rows()]
    alone = len(set(plain)) == len(plain)
    words = plain if alone else [names.whereabouts(*pair) for pair in pairs.iter_rows()]
    columns = pairs.with_columns(pl.Series("column", words, dtype=pl.String))
    named = placed.join(columns, on=["site", "building"], how="left", maintain_order="left")
    if pairs.height <= most:
        return named, "buildings"
    if 1 < pairs["site"].n_unique() <= most:
        sites = {site: names.site(site) or site for site in pairs["site"].unique()}
        return placed.with_columns(
            pl.col("site").replace_strict(sites, return_dtype=pl.String).alias("column")
        ), "sites"
    worst = named.group_by("column").agg(_TROUBLED).sort("troubled", "column", descending=[True, False]).head(most)
    return named.join(worst.select("column"), on="column", maintain_order="left"), "worst_buildings"


def grid(frame: pl.DataFrame) -> pl.DataFrame:
    """Columns (of `abreast`) by kinds: column, kind (name), state (the worst), total, troubled."""
    return (
        frame.with_columns(pl.col("state").replace_strict(_ORDER, return_dtype=pl.Int64).alias("order"))
        .group_by("column", pl.col("kind_name").alias("kind"), maintain_order=True)
        .agg(pl.col("state").sort_by("order").first(), pl.len().alias("total"), _TROUBLED)
        .sort("kind", "column")
    )


def matching(frame: pl.DataFrame, *, kind: str = "", state: str = "", words: str = "") -> pl.DataFrame:
    """The rows of `fleet` of that kind and state whose asset, class, place or reason holds the words.

    Where none holds them as they stand, those are shown that hold each of them somewhere. Chinese names are found by
    their pinyin initials too.
    """
    if kind:
        frame = frame.filter(pl.col("kind") == kind)
    if state:
        frame = frame.filter(pl.col("state") == state)
    text = pl.concat_str(pl.col("place", "reason").str.to_lowercase(), "spoken", separator=" ", ignore_nulls=True)
    asked = words.casefold().split()
    if not asked:
        return frame
    whole = frame.filter(text.str.contains(" ".join(asked), literal=True))
    return whole if whole.height else frame.filter(*(text.str.contains(word, literal=True) for word in asked))


def spoken(asset: Asset, names: Names = NO_NAMES) -> str:
    """By what somebody may look for an asset: number, class, site, building, place, and their pinyin initials."""
    kind = catalogue().get(asset.kind)
    building = names.buildings.get((asset.site, asset.building), asset.building)
    classes = (kind.name["zh"], kind.name["en"]) if kind else (asset.kind,)
    said = (asset.id, *classes, asset.site, names.sites.get(asset.site, ""), building, asset.floor, asset.name)
    whole = f"{names.sites.get(asset.site, '')}{building}{asset.floor}{asset.name}"
    return " ".join(filter(None, (*said, initials(whole), initials(classes[0])))).casefold()


def placed(frame: pl.DataFrame) -> pl.DataFrame:
    """The rows of `fleet` that a map can show: with coordinates, and near enough to the others to be beside them.

    A register's 0/0 or a swapped pair would shrink everything else to a dot; far off is ten times the middle half.
    """
    known = frame.filter(pl.col("latitude").is_not_null() & pl.col("longitude").is_not_null())
    for axis in ("latitude", "longitude"):
        low, middle, high = (known[axis].quantile(share) or 0.0 for share in (0.25, 0.5, 0.75))
        known = known.filter((pl.col(axis) - middle).abs() <= 10 * (high - low) + 0.01)
    return known
