"""Pictures in papers: JPEGs of ours with the words that stand under them, as each form wants them."""

from __future__ import annotations

import base64
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PrintedPicture:
    """A picture as it is printed; `data` is b"" where its file is gone, which is said in its place."""

    caption: str
    data: bytes = b""  # JPEG
    width: int = 0  # pixels
    height: int = 0

    @property
    def address(self) -> str:
        """The picture itself as an address, for HTML and SVG."""
        return f"data:image/jpeg;base64,{base64.b64encode(self.data).decode()}"

    def plain(self) -> dict[str, str]:
        """As a Typst template takes it: a drawing around the JPEG, which stays one in the PDF."""
        size = f'width="{self.width}" height="{self.height}"'
        drawing = (
            f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" {size}'
            f' viewBox="0 0 {self.width} {self.height}"><image {size} xlink:href="{self.address}"/></svg>'
        )
        return {"caption": self.caption, "codes": drawing if self.data else ""}


@dataclass(frozen=True, slots=True)
class FindingPictures:
    """The pictures of one finding: of the fault, and of what became of it; and how many more there are."""

    found: tuple[PrintedPicture, ...] = ()
    afterwards: tuple[PrintedPicture, ...] = ()
    more: int = 0
