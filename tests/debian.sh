#!/bin/sh
# What the tests use of the system: a broker, a time-series server, a browser, clocks, glyphs for Chinese. Installs what is missing
# where that is allowed (root on Debian or Ubuntu); otherwise says so, and the tests that need it are skipped visibly.
set -eu
missing=""
command -v mosquitto >/dev/null 2>&1 || [ -x /usr/sbin/mosquitto ] || missing="$missing mosquitto"
command -v mosquitto_sub >/dev/null 2>&1 || missing="$missing mosquitto-clients"
command -v faketime >/dev/null 2>&1 || missing="$missing faketime"
command -v chromium >/dev/null 2>&1 || missing="$missing chromium"
command -v victoria-metrics >/dev/null 2>&1 || missing="$missing victoria-metrics"
fc-list :lang=zh 2>/dev/null | grep -q . || missing="$missing fontconfig fonts-noto-cjk"
[ -n "$missing" ] || exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "Installing for the tests:$missing"
    apt-get update -qq
    # a broker of the tests' own is started by them; the packaged service must not take the port
    RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
else
    echo "The tests want these packages, please install them:$missing" >&2
    [ -z "${CI:-}" ] || exit 2
fi
