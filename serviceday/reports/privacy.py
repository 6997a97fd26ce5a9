"""Takes out of words what says who somebody is: phone and identity numbers, plates, addresses of mail and chat, names.

Numbers are read in any digits: full-width, Chinese (一三八, 幺三八), parted by blanks, points or dashes.
"""

from __future__ import annotations

import re
import unicodedata

REMOVED = "…"
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_DIGITS = ("零〇", "一壹幺", "二贰两", "三叁", "四肆", "五伍", "六陆", "七柒", "八捌", "九玖")
_SAME_LENGTH = {sign: str(value) for value, signs in enumerate(_DIGITS) for sign in signs}

_GAP = r"[ \-.·,_/()\u3000]{0,2}"
# Of the words with every digit plain. The first mobile digit pair, lengths and check signs are those of the mainland's
# numbering plan and GB 11643.
_NUMBERS = (
    rf"(?<!\d)\d(?:{_GAP}\d){{16}}{_GAP}[\dXx](?![\dA-Za-z])",
    rf"(?<!\d)(?:\+?{_GAP}86{_GAP})?1{_GAP}[3-9](?:{_GAP}\d){{9}}(?!\d)",  # mobile
    r"(?<!\d)\d{17}[\dXx](?!\d)|(?<!\d)\d{15,19}(?!\d)",  # identity card, bank card
    r"(?<!\d)\d{4,6}(?:[ \-]\d{4,8}){2,4}(?!\d)",  # the same in groups
    r"(?<![\d-])\(?0\d{2,3}\)?[ \-]?\d{3,4}[ \-]?\d{4}(?:[ \-转#]{1,2}\d{1,5})?(?!\d)",  # landline
    r"(?<!\d)(?:\+|00)\d{1,3}(?:[ \-.()]{0,2}\d){7,12}(?!\d)",  # international
    r"(?<!\d)0\d{3,4}[ \-]\d{3}[ \-]?\d{3,4}(?!\d)",
    r"(?<![\w.+-])[\w.+-]++@[\w-]++(?:\.[\w-]++)++",  # mail
    r"(?<![A-Za-z\d])[EGDSPHMegdsphm]\d{8}(?!\d)",  # passport
    r"[京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼][ ]?[A-Za-z][ \-.·•]{0,2}(?:[A-Za-z\d][ ]?){4,5}[A-Za-z\d挂学警港澳]",  # noqa: E501
    r"(?<![A-Za-z\d])[A-Z]{2}\d{2} ?[A-Z]{3}(?![A-Za-z\d])",  # a British plate
)
# What follows a word that says what it is; the value alone is taken out.
_AFTER_A_WORD = (
    r"(?:电话|手机|号码|联系方式|致电|拨打|[Tt]el|[Pp]hone|[Mm]obile|[Cc]all me (?:on|at)|[Cc]all)"
    rf"(?:号码?|是|为|[:： .])*(?P<value>\d(?:{_GAP}\d){{6,11}})(?!\d)",
    r"(?:微信|[Ww]e[Cc]hat|[Vv][Xx]|[Ww]eixin|QQ|qq|[Ww]hats[Aa]pp)(?:号|是|为|id|ID|[:： ])*"
    r"(?P<value>[A-Za-z\d][\w-]{4,19})",
    r"(?:车牌号?|[Pp]late|[Rr]egistration|[Rr]eg)(?:号码?|是|为|is|no\.?|number|[:： ])*(?P<value>(?=[A-Za-z \-]{0,6}\d)[A-Za-z\d]{1,4}[ \-]?[A-Za-z\d]{2,5})(?![A-Za-z\d])",  # noqa: E501
    r"(?:护照|身份证|[Pp]assport|ID card)(?:号码?|是|为|no\.?|number|[:： ])*(?P<value>[A-Za-z]{0,2}\d{6,17}[\dXx])",
)
_SURNAMES = (
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗郑梁谢宋唐许韩冯邓曹彭曾肖田董袁潘蒋蔡余杜叶程苏魏吕丁任沈姚卢姜崔钟谭陆汪范"
    "金石廖贾夏韦付傅方白邹孟熊秦邱江尹薛闫段雷侯龙史陶黎贺顾毛郝龚邵万钱严覃武戴莫孔向汤欧葛祁聂岳翁庄牛童焦俞"
)
_NAME = rf"(?:欧阳|上官|司马|诸葛|[{_SURNAMES}])[\u4e00-\u9fff]{{1,2}}"
_TITLE = "先生|女士|小姐|太太|阿姨|大爷|大妈|大叔|大婶|奶奶|爷爷|婆婆|老师|同志"
_LATIN = r"[A-Z][\w'’-]+(?: (?:[A-Z]\.?|(?:van|von|de|da) )?[A-Z][\w'’-]+){0,2}"
_NAMES = (
    r"(?:我叫|我名叫|我的名字[是叫]|名字叫|署名|落款)[:： ]*"
    rf"(?P<value>{_NAME}?)(?=(?:{_TITLE})|[^\u4e00-\u9fff]|[，住是家在的]|$)",
    r"(?:姓名|联系人|报修人|业主姓名|住户姓名|来电人|反映人)(?:是|为|[:： ])+(?P<value>[\u4e00-\u9fff·]{2,4})",
    r"(?:我是|我系|本人|业主|住户|租客|联系人|家属|请找|联系)[:： ]*"
    rf"(?P<value>{_NAME})(?=[，,。.;；:：!！、 \d(（]|$|电话|手机|{_TITLE})",
    rf"(?P<value>(?<![任对])(?:欧阳|上官|司马|诸葛|[{_SURNAMES}])(?:[\u4e00-\u9fff]{{1,2}}?)?)(?=(?:{_TITLE}))",
    rf"(?:[Mm]y name is|[Nn]ame ?:|[Mm]y name's|[Cc]ontact(?: person)? ?:|[Cc]all me|[Aa]sk for)\s+(?P<value>{_LATIN})",
    rf"(?:\b[Ii] am|\b[Ii]'m|\b[Tt]his is)\s+(?P<value>{_LATIN})(?=\s*(?:[,.;!(]|from|in|at|of|and|$))",
    rf"\b(?:Mr|Mrs|Ms|Miss|Dr)\b\.?\s+(?P<value>{_LATIN})",
    r"@(?P<value>(?!物业|管家|客服|所有人|all|everyone)[\w·-]{1,20})(?=\s|$)",
)
_PATTERNS = tuple(re.compile(pattern) for pattern in (*_NUMBERS, *_AFTER_A_WORD, *_NAMES))


def without_contacts(words: str) -> tuple[str, list[str]]:
    """The words without what says who somebody is (… stands for it), and those parts in their order."""
    plain = _CONTROL.sub(" ", words).strip()
    removed: list[tuple[int, str]] = []
    for pattern in _PATTERNS:
        spans = [_span(match) for match in pattern.finditer(_in_plain_digits(plain))]
        for start, end in reversed([span for span in spans if span[0] < span[1]]):
            if plain[start:end].strip(REMOVED):
                removed.append((start, plain[start:end].strip()))
            plain = plain[:start] + REMOVED + plain[end:]
    return plain, [part for _, part in sorted(removed, key=lambda part: part[0])]


def without_names_of(words: str, names: list[str]) -> str:
    """Words without names that are on record beside them: who reports is often named in the report too."""
    for name in filter(lambda name: len(name.strip()) > 1, names):
        words = words.replace(name.strip(), REMOVED)
    return words


def _span(match: re.Match[str]) -> tuple[int, int]:
    return match.span("value") if "value" in match.re.groupindex else match.span()


def _in_plain_digits(words: str) -> str:
    """Every letter and digit in its plain form, each at its own place."""
    letters = (_SAME_LENGTH.get(letter) or unicodedata.normalize("NFKC", letter) for letter in words)
    return "".join(plain if len(plain) == 1 else letter for letter, plain in zip(words, letters, strict=True))
