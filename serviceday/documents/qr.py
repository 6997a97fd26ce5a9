"""QR codes: what they say and how they are drawn.

The payload is `serviceday:asset/{site}/{asset}`, both percent-encoded, or an operator's own address with `{site}` and
`{asset}` in it. Error correction M (15 %) survives a scratched laminate and keeps the code small.
"""

from __future__ import annotations

import io
from functools import lru_cache
from urllib.parse import quote

import segno

from facility.errors import CannotDo
from facility.inspections import Item

PLAIN = "serviceday:asset/{site}/{asset}"
REQUEST = "serviceday:request/{request}"
_BORDER = 2  # modules; the paper around is white as well


def payload(item: Item, asset_url: str = "") -> str:
    """What an item's code says: its asset; or the request, where that names none."""
    if item.request and item.asset in ("", item.request):
        return REQUEST.replace("{request}", quote(item.request, safe=""))
    template = asset_url or PLAIN
    return template.replace("{site}", quote(item.site, safe="")).replace("{asset}", quote(item.asset, safe=""))


def check(asset_url: str) -> str:
    """An address for codes, if it names the asset. Raises `CannotDo` otherwise."""
    if asset_url and "{asset}" not in asset_url:
        raise CannotDo(
            "every QR code would say the same: {address!r}",
            "Put {{asset}}, and {{site}} if it is needed, into the address",
            address=asset_url,
        )
    return asset_url


@lru_cache(maxsize=4096)
def as_png(words: str, scale: int = 4) -> bytes:
    """A QR code as a picture; `scale` is the side of a module in pixels."""
    out = io.BytesIO()
    _code(words).save(out, kind="png", scale=scale, border=_BORDER)
    return out.getvalue()


@lru_cache(maxsize=4096)
def as_svg(words: str) -> str:
    """A QR code as a drawing."""
    out = io.BytesIO()
    _code(words).save(out, kind="svg", border=_BORDER, xmldecl=False, nl=False)
    return out.getvalue().decode()


def _code(words: str) -> segno.QRCode:
    try:
        return segno.make_qr(words, error="m", boost_error=False)
    except segno.DataOverflowError:
        raise CannotDo(
            "{count} characters are too many for a QR code", "Choose a shorter address", count=len(words)
        ) from None
