"""A hundred other services through apprise, where it is installed."""

from __future__ import annotations

from facility.errors import CannotDo
from serviceday.notification.senders.contract import Envelope, NotDelivered


class Many:
    """apprise says whether it worked, not why; for the four whose answers it does not read we have our own senders."""

    per_minute: int | None = None

    def __init__(self, url: str, name: str) -> None:
        try:
            import apprise
        except ImportError:
            raise CannotDo(
                "channel {name!r} needs apprise, which is not installed", "Install serviceday[notify]", name=name
            ) from None
        self._service, self._name = apprise.Apprise(), name
        if not self._service.add(url):
            raise CannotDo(
                "apprise does not understand the address of channel {name!r}", "See its documentation", name=name
            )

    def parts(self, envelope: Envelope) -> list[str]:
        return [envelope.body]

    def send(self, envelope: Envelope, part: str, number: int) -> None:
        if not self._service.notify(title=envelope.subject, body=part):
            raise NotDelivered("apprise could not send by channel {name!r}", "Check its address", name=self._name)
