"""One message may hold several: a pasted chat, a mail with its head and foot, three problems in one breath.

What is found is split; what only might be is left together, for a person to read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from facility.reports import Kind
from serviceday.reports.address_parser import read_place
from serviceday.reports.message import Said
from serviceday.reports.taxonomy import folded, taxonomy

_TIME = r"(?:\d{4}[-/.年]\d{1,2}[-/.月]\d{1,2}日?[ ,]*)?(?:\d{1,2}[-/.月]\d{1,2}(?:[-/.]\d{2,4})?日?[ ,]+)?(?:[上下]午)?\d{1,2}[:：]\d{2}(?:[:：]\d{2})?(?: ?[AaPp][Mm])?"  # noqa: E501
_NAME = r"[^\s:：\[\]]{1,16}(?: [^\s:：\[\]]{1,12})?"
_HEADS = (
    re.compile(rf"^(?P<name>{_NAME})\s+{_TIME}\s*[:：]?$"),  # a name and a time, the words below
    re.compile(rf"^\[?{_TIME}\]?\s*[-,]?\s*(?P<name>{_NAME})[:：]\s*(?P<words>.*)$"),  # [10:21] name: words
    re.compile(rf"^(?P<name>{_NAME})\s*[\[(（]?{_TIME}[\])）]?\s*[:：]\s*(?P<words>.+)$"),  # name 10:21: words
)
_PLAIN_HEAD = re.compile(rf"^(?P<name>{_NAME})[:：]\s*(?P<words>.+)$")  # name: words
_FORM = re.compile(
    "地点|位置|地址|房号|时间|日期|姓名|电话|手机|联系|内容|问题|描述|类别|备注|place|location|address|time|date|name|phone|problem|"
    "description|note|urgent|help|急",
    re.IGNORECASE,
)
_ECHO = re.compile(
    r"^(?:\+1|同上?|我也是|收到|好的?|ok|okay|thanks?|谢谢|是的|嗯+|赞|\[[^\]]{1,4}\]|[👍🙏😡]+)[!！。.~]*$",
    re.IGNORECASE,
)
_MAIL_HEAD = re.compile(
    r"^(?P<field>from|to|cc|bcc|sent|date|reply-to|subject|发件人|收件人|抄送|日期|发送时间|时间|主题)\s*[:：]\s*(?P<value>.*)$",
    re.IGNORECASE,
)
_QUOTED = re.compile(
    r"^(?:>.*|-{2,} ?(?:original message|forwarded message|原始邮件|转发邮件).*|on .{5,80} wrote:|在.{5,60}写道[:：])$",
    re.IGNORECASE,
)
_FOOT = re.compile(
    r"^(?:-- ?|(?:best|kind|warm|many)?\s*(?:regards|wishes)|yours \w+|sincerely.*|cheers|thanks|thank you|many thanks|此致|敬礼|祝好|sent from my .*|发自我的.*)[,，.!！]*$",  # noqa: E501
    re.IGNORECASE,
)
_LISTED = re.compile(
    r"(?:^|(?<=[\s:：;；。,，]))(?:\(?\d{1,2}[.、)）](?!\d)|[①-⑨]|[-•*] |"
    r"第?[一二三四五六七八九][、是]|其[一二三四五])\s*"
)
_BREAKS = re.compile(
    r"[。；;！!\n]+|(?<!\d)\.\s+|[，,]?\s*(?:另外|还有|此外|再就是|并且|以及)[，,]?|[，,]\s*|(?:^|\s)(?:[Aa]lso|[Bb]esides|[Ii]n addition)\b,?|\s(?:and|plus)\s"  # noqa: E501
)
_STRONG = 2.0  # weight of words from which a clause names a subject by itself
_FAULT = re.compile(
    "坏|不亮|不了|漏|渗|堵|脏|臭|吵|响|破|断|慢|停|没人|没反应|满|关不|打不|掉|松|闪|灭|占|积水|失灵|故障|脱落|过期|枯|乱|不开|不上|"
    "broken|not work|n't|leak|stuck|out$|dirty|noisy|loud|block|flicker|damaged|slow|missing|overflow|stopped|full|fail|smell|rattl|dark|dead"  # noqa: E501
)


def unpacked(message: Said) -> list[Said]:
    """The messages in a message: of a pasted chat every speaker's, of a mail its words, and every problem by itself.

    Names of speakers and senders go beside the words. There is always at least one, in the order they were said.
    """
    spoken = _chat(message) or [_mail(message)]
    return [problem for part in spoken for problem in _problems(part)]


def _chat(message: Said) -> list[Said]:
    lines = [line.strip() for line in message.text.splitlines() if line.strip()]
    heads = [next((match for head in _HEADS if (match := head.match(line))), None) for line in lines]
    if not any(heads):
        heads = [_PLAIN_HEAD.match(line) for line in lines]
        if len(lines) < 2 or not all(head and not _FORM.search(head["name"]) for head in heads):
            return []
    spoken: list[tuple[str, list[str]]] = []
    for line, head in zip(lines, heads, strict=True):
        if head:
            spoken.append((head["name"], [head.groupdict().get("words") or ""]))
        elif spoken:
            spoken[-1][1].append(line)
        else:
            spoken.append((message.name, [line]))
    speakers = [name for name, _ in spoken if name]
    parts_spoken = []
    for name, parts in spoken:
        words = " ".join(filter(None, parts))
        for speaker in speakers:
            words = words.replace(f"@{speaker}", "")
        if words.strip() and not _ECHO.match(words.strip()):
            parts_spoken.append(replace(message, text=words.strip(), name=name or message.name))
    return parts_spoken


def _mail(message: Said) -> Said:
    lines = message.text.splitlines()
    heads = [match for line in lines if (match := _MAIL_HEAD.match(line.strip()))]
    from_mail = any(head["field"].casefold() in ("subject", "主题", "from", "发件人") for head in heads)
    foots = [place for place, line in enumerate(lines) if place and _FOOT.match(line.strip())]
    if not from_mail and not foots:
        return message
    words, names = list[str](), [message.name] if message.name else []
    for place, line in enumerate(lines):
        stripped = line.strip()
        if _QUOTED.match(stripped) and not stripped.startswith(">"):
            break
        if foots and place >= foots[0]:
            names += [stripped] if place > foots[0] and stripped else []
            continue
        head = _MAIL_HEAD.match(stripped) if from_mail else None
        if head and head["field"].casefold() in ("subject", "主题"):
            words.append(re.sub(r"^(?:(?:re|fw|fwd|回复|转发)\s*[:：]\s*)+", "", head["value"], flags=re.IGNORECASE))
        elif head and head["field"].casefold() in ("from", "发件人"):
            names.append(head["value"])
        elif not head and not stripped.startswith(">"):
            words.append(stripped)
    text = "\n".join(filter(None, words))
    return replace(message, text=text, name=", ".join(dict.fromkeys(filter(None, names)))) if text else message


def _problems(message: Said) -> Iterator[Said]:
    parts = _listed(message.text) or _clauses(message.text)
    if len(parts) < 2:
        yield message
        return
    address = read_place(f"{message.place} {message.text}")
    for part in parts:
        own = read_place(part)
        if own.building or own.basement_or_building or message.place or not address.building:
            yield replace(message, text=part)
        else:
            inside = f"{address.unit}单元" if address.unit and not own.unit else ""
            yield replace(message, text=part, place=f"{address.building}号楼{inside}")


def _listed(text: str) -> list[str]:
    """The points of a numbered list, what stands before the first going with it."""
    marks = list(_LISTED.finditer(text))
    if len(marks) < 2:
        return []
    ends = [*(mark.start() for mark in marks[1:]), len(text)]
    points = [text[mark.end() : end].strip(" ;；,，。\n") for mark, end in zip(marks, ends, strict=True)]
    return [point for point in points if point] if all(len(point) > 2 for point in points) else []


def _clauses(text: str) -> list[str]:
    """The clauses that each name another subject with its fault; the others go with the one before."""
    marks = [match.span() for match in _BREAKS.finditer(text)]
    starts = [0, *(end for _, end in marks)]
    ends = [*(start for start, _ in marks), len(text)]
    groups: list[tuple[str, int, int]] = []  # subject, start, end
    for start, end in zip(starts, ends, strict=True):
        clause = text[start:end]
        if not clause.strip():
            continue
        subject = _fault_of(clause)
        if groups and (not subject or not groups[-1][0] or subject == groups[-1][0]):
            before, first, _ = groups[-1]
            groups[-1] = (before or subject, first, end)
        else:
            groups.append((subject, start, end))
    return [text[start:end].strip() for _, start, end in groups]


def _fault_of(clause: str) -> str:
    """The one subject that a clause names beside something wrong; "" if there is none or more than one."""
    words, terms = folded(clause), taxonomy()
    if not _FAULT.search(words) or any(
        vocabulary.score(words)[0] >= _STRONG for kind, (_, vocabulary) in terms.kinds.items() if kind in _NO_FAULT
    ):
        return ""
    subjects = [key for key, about in terms.subjects.items() if about.vocabulary.score(words)[0] >= _STRONG]
    return subjects[0] if len(subjects) == 1 else ""


_NO_FAULT: Sequence[Kind] = (Kind.PRAISE, Kind.QUESTION)
