"""The ledger, the silence and the health of a running ingest in Prometheus' words.

Labels are bounded: registered sites, reasons and states; never a topic or a channel that came over the network.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from ingest.findings import Finding
from ingest.monitor.health import Facts, healthy
from ingest.monitor.status import Overview

OTHER = "other"  # sites that are not registered, together


class _Ingest(Collector):
    def __init__(self, overview: Overview, facts: Facts, findings: list[Finding], sites: frozenset[str]) -> None:
        self._overview = overview
        self._facts = facts
        self._found = findings
        self._sites = sites

    def collect(self) -> Iterable[Metric]:
        counts, facts = self._overview.counts, self._facts
        messages = CounterMetricFamily("serviceday_messages", "Messages, by what became of them", labels=["state"])
        for state in ("received", "redelivered", "journalled", "decoded", "unreadable"):
            messages.add_metric([state], getattr(counts, f"messages_{state}"))
        yield messages
        for name in ("stored", "duplicates", "late", "dropped", "replayed"):
            yield CounterMetricFamily(f"serviceday_readings_{name}", f"Readings {name}", value=getattr(counts, name))
        quarantine = GaugeMetricFamily("serviceday_quarantine_items", "Items in quarantine", labels=["reason"])
        for reason, items in self._overview.quarantine.items():
            quarantine.add_metric([reason.value], items)
        yield quarantine
        yield from self._per_site()
        channels = GaugeMetricFamily("serviceday_channels", "Channels, by whether they are alive", labels=["state"])
        for state, many in self._overview.states.items():
            channels.add_metric([state.value], many)
        yield channels
        for name, words, value in (
            ("healthy", "1 while data flows", healthy(self._found)),
            ("connected", "1 while the broker is connected", facts.connected),
            ("adds_up", "1 while the ledgers agree", facts.adds_up),
            ("quarantine_bytes", "What quarantine takes on the disk, about", self._overview.quarantine_bytes),
            ("quarantine_counted_only", "Items only counted, since quarantine was full", self._overview.counted_only),
            ("quiet_seconds", "Since the last message, or since the start", facts.quiet_for),
            ("pending_messages", "Journalled and not yet decoded", facts.pending),
            ("clocks_wrong", "Devices whose clock is off", sum(clock.wrong for clock in self._overview.clocks)),
        ):
            yield GaugeMetricFamily(f"serviceday_{name}", words, value=float(value))

    def _per_site(self) -> Iterable[Metric]:
        totals: dict[str, list[int]] = {}
        for source in self._overview.sources:
            total = totals.setdefault(source.site if source.site in self._sites else OTHER, [0, 0, 0])
            for index, figure in enumerate((source.messages, source.admitted, source.quarantined)):
                total[index] += figure
        for index, name in enumerate(("messages", "admitted", "quarantined")):
            family = GaugeMetricFamily(f"serviceday_site_{name}", f"{name.capitalize()} of a site", labels=["site"])
            for site, total in sorted(totals.items()):
                family.add_metric([site], total[index])
            yield family


def exposition(overview: Overview, facts: Facts, findings: list[Finding], sites: frozenset[str]) -> bytes:
    """The text that Prometheus reads."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Ingest(overview, facts, findings, sites))
    write: Callable[[CollectorRegistry], bytes] = generate_latest
    return write(registry)
