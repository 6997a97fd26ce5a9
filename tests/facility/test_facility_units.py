from facility.catalogue.catalogue import catalogue
from facility.i18n.units import SYMBOLS, symbol


def test_every_unit_of_the_catalogue_has_a_symbol() -> None:
    used = {channel.unit for kind in catalogue().values() for channel in kind.channels.values()}
    assert used <= set(SYMBOLS)


def test_symbols_differ_by_language_only_where_they_should() -> None:
    assert symbol("Cel", "zh") == symbol("Cel", "en") == "°C"
    assert symbol("h", "zh") == "小时"
    assert symbol("1", "en") == ""
    assert symbol("furlong", "en") == "furlong"
