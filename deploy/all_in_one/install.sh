#!/bin/sh
# Broker and page on the Pi. Run by the installer, out of a release, and later by picanary-broker.service:
#
#   start    everything to its place, without a network: keys, units, the page, what avahi says
#   broker   mosquitto, fetched by apt if it is not there, with our configuration; needs a network then
#   stop     a release without all this has taken over: take it back, but keep the monitor's store
#
# Every verb may be run twice; the last line on stderr says why one failed.
set -eu
umask 022

here=$(cd "$(dirname "$0")" && pwd -P)
root=${PICANARY_ROOT:-}
keys=$root/etc/picanary/page
house=$root/etc/mosquitto/picanary
included=$root/etc/mosquitto/conf.d/picanary.conf
units=$root/etc/systemd/system
announced=$root/etc/avahi/services/picanary.service
page="picanary-monitor.socket picanary-monitor.service"
setup=picanary-broker.service

die() {
    echo "all-in-one: $*" >&2
    exit 1
}

# --- start

start() {
    refuse_another
    bring
    for each in $page $setup; do install -D -m 644 "$here/$each" "$units/$each"; done
    install -D -m 644 "$here/announcement.xml" "$announced.new"
    mv "$announced.new" "$announced" # avahi looks at once
    systemctl daemon-reload
    # shellcheck disable=SC2086  # a list of words on purpose
    systemctl enable --quiet $page $setup
    systemctl start --no-block "$setup" # not restart: it may be in the middle of apt
    systemctl start picanary-monitor.socket || die "port 80 is taken, by a web server that was here before"
    systemctl restart --no-block picanary-monitor.service
}

# A release brings its keys and its access list once: who was revoked since does not come back with a rollback.
bring() {
    if [ -f "$here/brought" ] && [ -f "$house/acl" ] && [ -f "$keys/page.key" ]; then return; fi
    if [ -f "$house/ca.crt" ] && ! cmp -s "$house/ca.crt" "$here/mosquitto/ca.crt"; then
        die "$house is of another house, whose devices would be shut out: push with --house of that one, or delete it there"
    fi
    mkdir -p "$(dirname "$house")" "$(dirname "$keys")"
    mkdir -p -m 700 "$house" "$keys"
    for each in "$here"/page/*; do put 600 "$each" "$keys"; done
    for each in "$here"/mosquitto/*; do
        case $(basename "$each") in
        acl | revoked.crl) if [ -f "$here/brought" ] && [ -f "$house/$(basename "$each")" ]; then continue; fi ;;
        esac
        put 640 "$each" "$house"
    done
    sync
    touch "$here/brought"
}

# Whole or not at all, whenever the power goes.
put() {
    install -m "$1" "$2" "$3/.new"
    mv "$3/.new" "$3/$(basename "$2")"
}

# --- broker

broker() {
    refuse_another
    fetch mosquitto mosquitto
    fetch avahi-daemon avahi-daemon
    [ -f "$house/picanary.conf" ] || die "broker and page were taken away meanwhile"
    chown -R root:mosquitto "$house" || die "cannot give $house to mosquitto's group"
    chmod 750 "$house"
    mkdir -p "$(dirname "$included")"
    ln -sfn /etc/mosquitto/picanary/picanary.conf "$included"
    systemctl enable --quiet mosquitto.service
    systemctl restart mosquitto.service || die "mosquitto does not start: journalctl -u mosquitto says why"
    systemctl disable --quiet "$setup"
}

# A listener without certificates would let anybody be anybody.
refuse_another() {
    for each in "$root/etc/mosquitto/mosquitto.conf" "$root"/etc/mosquitto/conf.d/*.conf; do
        if [ "$each" = "$included" ] || [ ! -f "$each" ]; then continue; fi
        if grep -qE '^[[:space:]]*(listener|port|bind_address|allow_anonymous)[[:space:]]' "$each"; then
            die "$each has a broker of its own; take it away, or let the agent use that one, without --all-in-one"
        fi
    done
}

# (program, Debian package)
fetch() {
    if PATH=$PATH:/usr/sbin command -v "$1" >/dev/null; then return; fi
    echo "fetching $2"
    export DEBIAN_FRONTEND=noninteractive
    # cloud-init may be at work with apt; a card whose clock was just set may find its lists too new
    apt-get -qq -o DPkg::Lock::Timeout=600 update || die "apt cannot fetch its lists; is there a network?"
    apt-get -qq -o DPkg::Lock::Timeout=600 -y install --no-install-recommends "$2" >/dev/null ||
        die "apt cannot install $2"
}

# --- stop

stop() {
    systemctl disable --quiet "$setup" || true # not --now: it may be in the middle of apt
    # shellcheck disable=SC2086
    systemctl disable --quiet --now $page || true
    for each in $page $setup; do rm -f "$units/$each"; done
    rm -f "$announced" "$included"
    rm -rf "$keys"
    # who was revoked stays so, should this release come back
    find "$house" -type f ! -name acl ! -name revoked.crl -delete || true
    systemctl daemon-reload
    systemctl try-restart mosquitto.service || true
}

case ${1:-} in
start | broker | stop) "$1" ;;
*) die "install.sh knows no verb '${1:-}'" ;;
esac
