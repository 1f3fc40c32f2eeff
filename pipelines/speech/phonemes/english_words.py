"""Numbers, dates, times, money, units, abbreviations and signs of an English text as the words that are said for them.

American readings: 3/4/2025 is March fourth, and a bare 1984 is a year. It knows letters and figures, and no phonemes.
"""

import re
from collections.abc import Callable

MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
MONTH = r"(?P<month>Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?|Sept?(?:ember)?|Oct(?:ober)?|Nov(?:ember)?|Dec(?:ember)?)(?:\.(?=\s+\d))?"
NUMBER = r"\d{1,3}(?:,\d{3}){1,6}(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+"
LARGE = r"hundred|thousand|million|billion|trillion"

CURRENCIES = {
    "$": ("dollar", "dollars", "cent", "cents"),
    "US$": ("US dollar", "US dollars", "cent", "cents"),
    "£": ("pound", "pounds", "penny", "pence"),
    "€": ("euro", "euros", "cent", "cents"),
    "¥": ("yuan", "yuan", "fen", "fen"),
    "₹": ("rupee", "rupees", "paisa", "paise"),
}
UNITS = {
    "km/h": ("kilometer per hour", "kilometers per hour"), "mph": ("mile per hour", "miles per hour"),
    "m/s": ("meter per second", "meters per second"), "°C": ("degree Celsius", "degrees Celsius"),
    "℃": ("degree Celsius", "degrees Celsius"), "°F": ("degree Fahrenheit", "degrees Fahrenheit"),
    "°": ("degree", "degrees"), "km": ("kilometer", "kilometers"), "cm": ("centimeter", "centimeters"),
    "mm": ("millimeter", "millimeters"), "m": ("meter", "meters"), "kg": ("kilogram", "kilograms"),
    "mg": ("milligram", "milligrams"), "g": ("gram", "grams"), "lbs": ("pound", "pounds"), "lb": ("pound", "pounds"),
    "oz": ("ounce", "ounces"), "ft": ("foot", "feet"), "ml": ("milliliter", "milliliters"), "l": ("liter", "liters"),
    "kWh": ("kilowatt hour", "kilowatt hours"), "kW": ("kilowatt", "kilowatts"), "W": ("watt", "watts"),
    "V": ("volt", "volts"), "GHz": ("gigahertz", "gigahertz"), "MHz": ("megahertz", "megahertz"),
    "kHz": ("kilohertz", "kilohertz"), "Hz": ("hertz", "hertz"), "TB": ("terabyte", "terabytes"),
    "GB": ("gigabyte", "gigabytes"), "MB": ("megabyte", "megabytes"), "kB": ("kilobyte", "kilobytes"),
    "ms": ("millisecond", "milliseconds"), "sec": ("second", "seconds"), "min": ("minute", "minutes"),
    "hrs": ("hour", "hours"), "hr": ("hour", "hours"), "%": ("percent", "percent"),
}  # fmt: skip
ABBREVIATIONS = {
    "Dr.": "Doctor", "Mr.": "Mister", "Mrs.": "Missus", "Ms.": "Miz", "Prof.": "Professor", "Jr.": "Junior",
    "Sr.": "Senior", "vs.": "versus", "etc.": "et cetera", "e.g.": "for example", "i.e.": "that is",
    "approx.": "approximately", "Inc.": "Incorporated", "Ltd.": "Limited", "Co.": "Company", "Corp.": "Corporation",
    "Gen.": "General", "Sgt.": "Sergeant", "Capt.": "Captain", "Lt.": "Lieutenant", "Col.": "Colonel", "Rev.": "Reverend",
    "Gov.": "Governor", "Sen.": "Senator", "Rep.": "Representative", "Ave.": "Avenue", "Rd.": "Road", "Blvd.": "Boulevard",
    "Mt.": "Mount", "Ft.": "Fort", "dept.": "department", "Dept.": "Department", "est.": "estimated", "fig.": "figure",
    "Fig.": "Figure", "vol.": "volume", "Vol.": "Volume", "pp.": "pages", "Ph.D.": "P H D", "a.k.a.": "also known as",
    "w/o": "without", "w/": "with",
}  # fmt: skip
SIGNS = {"&": " and ", "+": " plus ", "=": " equals ", "@": " at ", "%": " percent ", "#": " number ", "×": " times "}
ROMAN = r"(?=[IVX])X{0,3}(?:IX|IV|V?I{0,3})"
BEFORE_ROMAN = (
    r"(?:Chapter|chapter|Part|part|Act|Scene|Volume|Book|Section|Type|Phase|Level|Class|War|Title|Article|Appendix)"
)
KINGS = r"(?:Henry|Louis|George|Charles|Edward|William|Richard|James|Elizabeth|Mary|Pope|John|Paul|Pius|Benedict|Napoleon|Nicholas|Catherine|Frederick|Philip|Peter|Alexander|Leo|Gregory|Wilhelm)"


def in_words(text: str) -> str:
    """`text` with everything that is not a word as it is read aloud."""
    for pattern, replacement in _RULES:
        text = pattern.sub(replacement, text)
    return re.sub(r"\s+", " ", text).strip()


# ── numbers ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def cardinal(number: str) -> str:
    """1,234.5 → one thousand two hundred thirty-four point five; many figures without a comma are said one by one."""
    whole, _, fraction = number.replace(",", "").partition(".")
    is_identity = len(whole) > 15 or (len(whole) > 1 and whole.startswith("0"))
    said = digits(whole) if is_identity else _said(int(whole or 0))
    return f"{said} point {digits(fraction)}" if fraction else said


def _said(number: int, form: str = "cardinal") -> str:
    from num2words import num2words  # languages by the dozen: only where a number is said

    return num2words(number, to=form).replace(",", "").replace(" and ", " ")


def ordinal(number: str) -> str:
    return _said(int(number.replace(",", "")), "ordinal")


def digits(figures: str) -> str:
    return " ".join(_said(int(figure)) for figure in figures if figure.isdigit())


def year(number: str) -> str:
    """1984 → nineteen eighty-four, 2008 → two thousand eight, 2025 → twenty twenty-five, 1905 → nineteen oh five."""
    century, rest = divmod(int(number), 100)
    if century % 10 == 0 and rest < 10:
        return cardinal(number)
    if rest == 0:
        return f"{cardinal(str(century))} hundred"
    return f"{cardinal(str(century))} {'oh ' if rest < 10 else ''}{cardinal(str(rest))}"


def _whole(match: re.Match[str]) -> str:
    """A number that stands alone: a year where it looks like one, an identity where it is long, else a count."""
    number = match[0]
    if re.fullmatch(r"1[1-9]\d\d|20\d\d", number):
        return year(number)
    return digits(number) if re.fullmatch(r"\d{7,}", number) else cardinal(number)


def _decade(match: re.Match[str]) -> str:
    """1990s → nineteen nineties, '80s → eighties."""
    tens = year(match["year"]) if len(match["year"]) == 4 else cardinal(match["year"])
    return f"{tens[:-1]}ies" if tens.endswith("y") else f"{tens}s"


def _fraction(match: re.Match[str]) -> str:
    above, below = int(match["above"]), int(match["below"])
    if not 1 < below < 100 or above > 99:
        return f"{cardinal(match['above'])} over {cardinal(match['below'])}"
    part = {2: "half", 4: "quarter"}.get(below, ordinal(match["below"]))
    if above != 1:
        part = "halves" if below == 2 else f"{part}s"
    return f"{'one' if above == 1 else cardinal(match['above'])} {part}"


def _roman(figures: str) -> int:
    values = [{"I": 1, "V": 5, "X": 10}[figure] for figure in figures]
    return sum(-value if value < after else value for value, after in zip(values, [*values[1:], 0], strict=True))


# ── dates and times ───────────────────────────────────────────────────────────────────────────────────────────────────


def _month(name: str) -> str:
    return next(month for month in MONTHS if month.startswith(name[:3]))


def _date(month: str, day: str, of_year: str | None) -> str:
    return f"{month} {ordinal(day)}" + (f", {year(of_year)}" if of_year else "")


def _numeric_date(match: re.Match[str]) -> str:
    month, day = int(match["month"]), int(match["day"])
    if not (1 <= month <= 12 and 1 <= day <= 31):
        return " ".join(cardinal(part) for part in re.findall(r"\d+", match[0]))
    return _date(MONTHS[month - 1], match["day"], match["year"])


def _time(match: re.Match[str]) -> str:
    hour, minute = int(match["hour"]), match["minute"]
    half = "".join(re.findall(r"[apAP]", match["half"] or ""))[:1].upper()
    said = cardinal(str(hour))
    if minute and int(minute):
        said += f" {'oh ' if int(minute) < 10 else ''}{cardinal(str(int(minute)))}"
    elif not half:
        said += " o'clock" if hour <= 12 else " hundred hours"
    return f"{said} {half} M" if half else said


# ── money and measures ────────────────────────────────────────────────────────────────────────────────────────────────


def _money(match: re.Match[str]) -> str:
    one, many, cent, cents = CURRENCIES[match["sign"]]
    whole, _, fraction = match["number"].replace(",", "").partition(".")
    if match["large"]:
        return f"{cardinal(match['number'])} {match['large']} {many}"
    said = f"{cardinal(whole)} {one if whole == '1' else many}"
    if len(fraction) == 2 and int(fraction):
        part = f"{cardinal(str(int(fraction)))} {cent if int(fraction) == 1 else cents}"
        return part if whole in ("", "0") else f"{said} and {part}"
    return said if not fraction or not int(fraction) else f"{cardinal(match['number'])} {many}"


def _measure(match: re.Match[str]) -> str:
    one, many = UNITS[match["unit"]]
    minus = "minus " if match["minus"] else ""
    return f"{minus}{cardinal(match['number'])} {one if match['number'] == '1' else many}"


def _address(match: re.Match[str]) -> str:
    """A web or mail address."""
    said = re.sub(r"^https?://", "", match[0]).replace("www.", "w w w dot ")
    for sign, word in ((".", "dot"), ("@", "at"), ("/", "slash"), ("-", "dash"), ("_", "underscore"), (":", "colon")):
        said = said.replace(sign, f" {word} ")
    return said


# ── the rules, in their order ─────────────────────────────────────────────────────────────────────────────────────────

Rule = tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]]

_UNIT = "|".join(sorted(map(re.escape, UNITS), key=len, reverse=True))
_SIGN = "|".join(sorted(map(re.escape, CURRENCIES), key=len, reverse=True))
_SHORT = "|".join(sorted(map(re.escape, ABBREVIATIONS), key=len, reverse=True))

_RULES: tuple[Rule, ...] = (
    # 1 Quotes, dashes and addresses; lengths by RFC 5321 and RFC 1035, so that a long text is read in a moment
    (re.compile(r"[‘’ʼ`´]"), "'"),
    (re.compile(r"https?://\S+[\w/]|www\.\S+[\w/]|\b[\w.+-]{1,64}@[\w-]++(?:\.[\w-]+)+|\b[a-z][\w-]{0,62}\.(?:com|org|net|io)\b"), _address),
    # 2 Abbreviations
    (re.compile(r"\bSt\.(?=\s+[A-Z])"), "Saint"),
    (re.compile(r"\bSt\."), "Street"),
    (re.compile(r"\b[Nn]os?\.\s*(?=\d)"), "number "),
    (re.compile(r"#\s*(?=\d)"), "number "),
    (re.compile(rf"(?<!\w)(?:{_SHORT})(?!\w)"), lambda match: ABBREVIATIONS[match[0]]),
    # 3 Dates
    (re.compile(r"\b(?P<year>\d{4})-(?P<month>\d\d)-(?P<day>\d\d)\b"), _numeric_date),
    (re.compile(r"\b(?P<month>\d{1,2})/(?P<day>\d{1,2})/(?P<year>\d{4})\b"), _numeric_date),
    (
        re.compile(rf"\b{MONTH}\s+(?P<day>\d{{1,2}})(?:st|nd|rd|th)?\b(?!:)(?:,?\s+(?P<year>\d{{4}})\b)?"),
        lambda match: _date(_month(match["month"]), match["day"], match["year"]),
    ),
    (
        re.compile(rf"\b(?:the\s+)?(?P<day>\d{{1,2}})(?:st|nd|rd|th)?\s+(?:of\s+)?{MONTH}(?!\w)(?:,?\s+(?P<year>\d{{4}})\b)?"),
        lambda match: f"the {ordinal(match['day'])} of {_month(match['month'])}"
        + (f" {year(match['year'])}" if match["year"] else ""),
    ),
    (re.compile(r"\b(?:Jan|Feb|Aug|Sept|Oct|Nov|Dec)\.(?=\s)"), lambda match: _month(match[0])),
    # 4 Times
    (re.compile(r"\b(?P<hour>[01]?\d|2[0-3]):(?P<minute>[0-5]\d)(?::\d\d)?(?:\s*(?P<half>[AaPp]\.?[Mm]\b\.?))?"), _time),
    (re.compile(r"\b(?P<hour>1[0-2]|0?[1-9])(?P<minute>)\s*(?P<half>[AaPp]\.?[Mm]\b\.?)"), _time),
    # 5 Money and measures
    (re.compile(rf"(?P<sign>{_SIGN})\s*(?P<number>{NUMBER})(?:\s+(?P<large>{LARGE})s?\b)?"), _money),
    (re.compile(rf"(?<![\w.])(?P<minus>[-−])?(?P<number>{NUMBER})\s?(?P<unit>{_UNIT})(?![\w/])"), _measure),
    # 6 Ranges, telephones, fractions, ordinals, decades
    (re.compile(r"\b(?:\(?\d{3}\)?[-. ])?\d{3}-\d{4}\b"), lambda match: ", ".join(map(digits, re.findall(r"\d+", match[0])))),
    (re.compile(r"(?<=\d)\s?[-–—]\s?(?=\d)"), " to "),
    (re.compile(r"(?<![\w./])(?P<above>\d{1,3})/(?P<below>\d{1,3})(?![\w/])"), _fraction),
    (re.compile(r"\b(?P<number>\d[\d,]{0,18})(?:st|nd|rd|th)\b"), lambda match: ordinal(match["number"])),
    (re.compile(r"(?<!\w)'?(?P<year>\d{4}|\d0)'?s\b"), _decade),
    # 7 Roman numbers
    (re.compile(rf"\b(?P<before>{BEFORE_ROMAN})\s+(?P<roman>{ROMAN})\b"), lambda match: f"{match['before']} {cardinal(str(_roman(match['roman'])))}"),
    (re.compile(rf"\b(?P<before>{KINGS})\s+(?P<roman>{ROMAN})\b(?!')"), lambda match: f"{match['before']} the {ordinal(str(_roman(match['roman'])))}"),
    # 8 Every other number, and signs
    (re.compile(r"(?<![\w.])[-−](?=\d)"), "minus "),
    (re.compile(r"(?<=\d):(?=\d)"), " to "),
    (re.compile(r"(?<!\d)\d++(?:\.\d+){2,}"), lambda match: " point ".join(map(cardinal, match[0].split(".")))),
    (re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|(?<!\d)\d++\.\d+"), lambda match: f" {cardinal(match[0])} "),
    (re.compile(r"\d+"), lambda match: f" {_whole(match)} "),
    (re.compile(r"[&+=@%#×]"), lambda match: SIGNS[match[0]]),
    (re.compile(r"(?<=\w)/(?=\w)"), " slash "),
    (re.compile(r"(?<!\s)\s++(?=[,.;:!?])"), ""),
)  # fmt: skip
