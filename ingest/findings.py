"""What is wrong with ingest or its broker: a key with words in both languages, and the figures behind it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from facility.i18n.messages import Dictionary
from facility.i18n.phrases import Text
from ingest.refusals import PHRASES

_SENTENCES = Dictionary(Path(__file__).parent / "zh.toml")


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something that is not as it should be with ingest itself, and whether it is a fault."""

    key: str
    fault: bool
    values: Mapping[str, object] = field(default_factory=dict)

    @property
    def words(self) -> Text:
        values = {
            name: Text(zh=_SENTENCES.say(value, "zh"), en=value) if isinstance(value, str) else value
            for name, value in self.values.items()
        }
        return PHRASES[f"health.{self.key}"].filled(**values)
