"""The brief as one HTML file: every figure is a link to the records behind it. No script, nothing from elsewhere."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Mapping
from functools import partial
from html import escape

from serviceday.brief.layout import AnnexFigure, CorrectionBlock, Layout
from serviceday.documents.charts import BarChart
from serviceday.documents.pictures import PrintedPicture
from serviceday.documents.sanitize import clean

STYLE = """
body{font:16px/1.55 "Noto Sans CJK SC","Microsoft YaHei","PingFang SC",Arial,sans-serif;color:#1a1a1a;background:#fff;
max-width:60rem;margin:0 auto;padding:1.5rem}
h1{color:#1f3864;margin-bottom:0}h2{color:#1f3864;border-bottom:2px solid #1f3864;margin-top:2rem}
table{border-collapse:collapse;width:100%;margin:.5rem 0}th,td{border:1px solid #767676;padding:.35rem .6rem;
text-align:left;vertical-align:top}th{background:#e8ecf4}th:first-child,td:first-child{min-width:4.5em}
th.value{text-align:right}td.value{text-align:right;white-space:nowrap;font-weight:bold}
a{color:#0b4f9e}sup{font-weight:normal}.wide{overflow-x:auto}:target{background:#fff3bf}
figure{margin:.6rem 0}figure img{max-width:100%;height:auto}
.pictures{display:grid;grid-template-columns:repeat(auto-fill,minmax(16rem,1fr));gap:1rem}.pictures figure{margin:0}
.correction{border:2px solid #1a1a1a;padding:0 1rem .6rem;margin:1rem 0}.correction h2{border:0;margin:.8rem 0 .2rem}
@media print{body{max-width:none;padding:0}a{color:inherit;text-decoration:none}}
"""

_VALUE = ' class="value"'


def as_html(layout: Layout) -> bytes:
    """The whole brief, UTF-8."""
    words = layout.words
    parts = [
        f"<p>{_text(layout.company)}</p>" if layout.company else "",
        f"<h1>{_text(layout.title)}</h1><p>{_text(layout.subtitle)}</p>",
        f"<p>{_text(words['annex_note'])}</p>",
        *map(partial(_correction, words), layout.corrections),
        f"<h2>{_text(layout.scope_title)}</h2><ul>{''.join(f'<li>{_text(text)}</li>' for text in layout.scope)}</ul>",
    ]
    drawings = iter(layout.drawings())
    for section in layout.figures:
        rows = (
            (_text(row.label), f'<a href="#figure-{row.number}">{_text(row.value)}<sup>[{row.number}]</sup></a>')
            for row in section.rows
        )
        heads = (words["column_figure"], words["column_value"])
        chart = _chart(section.chart, next(drawings)) if section.chart else ""
        parts.append(f"<h2>{_text(section.title)}</h2>{_table(heads, rows, values=(1,))}{chart}")
        if section.note:
            parts.append(f"<p>{_text(section.note)}</p>")
    if layout.compared:
        compared = (
            (
                _text(row.label),
                f'<a href="#figure-{row.now_number}">{_text(row.now)}<sup>[{row.now_number}]</sup></a>',
                f'<a href="#figure-{row.before_number}">{_text(row.before)}<sup>[{row.before_number}]</sup></a>',
            )
            for row in layout.compared
        )
        heads3 = (words["column_figure"], words["column_now"], words["column_before"])
        parts.append(f"<h2>{_text(layout.compared_title)}</h2>{_table(heads3, compared, values=(1, 2))}")
    columns = tuple(words[f"column_{name}"] for name in ("record", "what", "place", "state", "who", "due"))
    for table in layout.tables:
        lines = ((_link(line[0]), *map(_text, line[1:])) for line in table.rows)
        shown = _table(columns, lines) if table.rows else f"<p>{_text(words['none'])}</p>"
        parts.append(f"<h2>{_text(table.title)}</h2>{shown}")
    if layout.proposed:
        lines_ = "".join(f"<li>{_text(line)}</li>" for line in layout.proposed)
        parts.append(f"<h2>{_text(words['section_proposed'])}</h2><ul>{lines_}</ul>")
    if layout.pictures:
        shown = "".join(map(_picture, layout.pictures))
        parts.append(f'<h2>{_text(words["section_pictures"])}</h2><div class="pictures">{shown}</div>')
    parts.append(f"<h2>{_text(words['section_annex_figures'])}</h2>")
    parts += [_annexed(figure) for figure in layout.annex_figures]
    parts.append(f"<h2>{_text(words['section_annex_records'])}</h2>")
    rows4 = (
        (_text(entry.id), _text(entry.what), _text(entry.place), _text(entry.state)) for entry in layout.annex_rows
    )
    parts.append(_table(columns[:4], rows4, anchors=[_anchor(entry.id) for entry in layout.annex_rows]))
    language = "zh-CN" if layout.language == "zh" else "en"
    body = "\n".join(filter(None, parts))
    page = (
        f'<!DOCTYPE html>\n<html lang="{language}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; "
        'img-src data:">'
        f"<title>{_text(layout.title)} {_text(layout.subtitle)}</title><style>{STYLE}</style></head>"
        f"<body><main>{body}</main></body></html>\n"
    )
    return page.encode()


def _correction(words: Mapping[str, str], correction: CorrectionBlock) -> str:
    heads = [words[f"column_{name}"] for name in ("figure", "published", "corrected", "difference")]
    table = _table(heads, (tuple(map(_text, row)) for row in correction.rows))
    return (
        f'<section class="correction"><h2>{_text(correction.title)}</h2><p>{_text(correction.why)}</p>{table}</section>'
    )


def _chart(chart: BarChart, drawing: bytes) -> str:
    if not drawing:
        return ""  # the table above says the same
    address = f"data:image/svg+xml;base64,{base64.b64encode(drawing).decode()}"
    return f'<figure><img src="{address}" alt="{_text(chart.words)}"></figure>'


def _picture(picture: PrintedPicture) -> str:
    image = f'<img src="{picture.address}" alt="{_text(picture.caption)}">' if picture.data else ""
    return f"<figure>{image}<figcaption>{_text(picture.caption)}</figcaption></figure>"


def _annexed(annexed: AnnexFigure) -> str:
    counted = " ".join(map(_link, annexed.records)) or "-"
    rest = f" &middot; <s>{' '.join(map(_link, annexed.rest))}</s>" if annexed.rest else ""
    head = f"<strong>[{annexed.number}]</strong> {_text(annexed.label)}: {_text(annexed.value)}"
    return f'<section id="figure-{annexed.number}"><p>{head}<br>{counted}{rest}</p></section>'


def _anchor(record: str) -> str:
    return "record-" + re.sub(r"[^A-Za-z0-9]", lambda sign: f"_{ord(sign[0]):x}_", record)


def _link(record: str) -> str:
    return f'<a href="#{_anchor(record)}">{_text(record)}</a>'


def _table(
    heads: Iterable[str],
    rows: Iterable[tuple[str, ...]],
    *,
    values: tuple[int, ...] = (),
    anchors: list[str] | None = None,
) -> str:
    top = "".join(
        f'<th scope="col"{_VALUE if place in values else ""}>{_text(entry)}</th>' for place, entry in enumerate(heads)
    )
    body = []
    for line, cells in enumerate(rows):
        shown = "".join(
            f'<td class="value">{cell}</td>' if place in values else f"<td>{cell}</td>"
            for place, cell in enumerate(cells)
        )
        body.append(f'<tr id="{anchors[line]}">{shown}</tr>' if anchors else f"<tr>{shown}</tr>")
    return f'<div class="wide"><table><thead><tr>{top}</tr></thead><tbody>{"".join(body)}</tbody></table></div>'


def _text(words: str) -> str:
    return escape(clean(words))
