from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facility.errors import CannotParse
from ingest.mqtt.address import BrokerAddress

HOSTS = st.one_of(
    st.from_regex(r"[a-z][a-z0-9-]{0,20}(\.[a-z]{2,5}){0,2}", fullmatch=True), st.ip_addresses(v=4).map(str)
)


@given(
    host=HOSTS,
    port=st.integers(1, 65535),
    tls=st.booleans(),
    user=st.text(min_size=1, max_size=20),
    password=st.text(max_size=20),
)
def test_every_user_and_password_survive_quoting(host, port, tls, user, password):
    user, password = (text.encode("utf-8", "replace").decode() for text in (user, password))
    written = f"{'mqtts' if tls else 'mqtt'}://{quote(user, safe='')}:{quote(password, safe='')}@{host}:{port}"
    address = BrokerAddress.parse(written)
    assert address == BrokerAddress(host=host, port=port, tls=tls, user=user, password=password)
    assert BrokerAddress.parse(str(address)) == BrokerAddress(host=host, port=port, tls=tls, user=user)


def test_the_password_is_never_shown():
    address = BrokerAddress.parse("mqtts://gate:s3cr3t@broker.example")
    assert "s3cr3t" not in str(address) + repr(address)
    assert address.port == 8883


@pytest.mark.parametrize(
    "text",
    [
        "",
        "broker:1883",
        "http://broker",
        "mqtt://",
        "mqtt://u:s3cr3t@",
        "mqtt://u:s3cr3t@host:99999",
        "mqtt://u:s3cr3t@host:0",
        "mqtt://:s3cr3t@host",
        "mqtt://u:s3cr3t@host/path",
        "mqtt://u:s3cr3t@[::1",
    ],
)
def test_what_is_no_address_is_refused_in_one_line_without_the_password(text):
    with pytest.raises(CannotParse) as refusal:
        BrokerAddress.parse(text)
    assert "s3cr3t" not in str(refusal.value)
    assert "\n" not in str(refusal.value)


@given(st.text(max_size=60))
def test_any_text_is_understood_or_refused(text):
    try:
        address = BrokerAddress.parse(text)
    except CannotParse:
        return
    assert address.host
    assert 0 < address.port < 65536


def test_ipv6():
    address = BrokerAddress.parse("mqtt://[::1]:1884")
    assert (address.host, address.port) == ("::1", 1884)
    assert BrokerAddress.parse(str(address)) == address
