#!/bin/sh
# The one installer. It runs on the Pi, out of a delivery (the folder in which it lies), verb by verb:
#
#   install   a release of its own, beside the one that runs; nothing that is in use changes
#   check     the new release proves itself; exit status 1 with a sentence when it must not be used
#   switch    stop the service, make the release the current one, with its unit and its secrets
#   start     start the service, and whatever all-in-one/ has beside it
#   verify    wait for a record in the journal of the running service, else switch back; exit status 1
#   replace   switch, start and verify, to the end even when the laptop goes away on the way
#   rollback  switch to the release before, start it, verify
#   prune     remove what neither runs nor would be rolled back to
#   remove    remove this delivery's release, unless it is in use
#
# A delivery: settings (shell variables, below), wheels/ (picanary's, and offline all that it asks for),
# edge.toml, room.canary, picanary-edge.service, gpio.conf, credentials.conf, secret/, all-in-one/. All but
# settings, install.sh and picanary's wheel may be missing: configuration, model and drop-ins are then
# taken over from the release before. A release keeps all of them but the wheels, and so is a delivery
# too: `sh /opt/picanary/current/install.sh rollback` works on the Pi itself.
#
# all-in-one/install.sh is run as `start` once the agent is told to start, from the release's own copy of the folder,
# and as `stop` when a release without it takes over; PICANARY_RELEASE is the release's folder,
# PICANARY_ROOT as below. Secrets in all-in-one/ stay readable by root alone.
#
# Every verb may be run twice. Output is for people; the last line on stderr says why a verb failed.
set -eu
umask 022
trap '' HUP PIPE # a laptop that goes away must not leave a Pi between two releases

here=$(cd "$(dirname "$0")" && pwd -P)
root=${PICANARY_ROOT:-} # a root folder that is not yet, or only for tests, the one that runs

# What `settings` may say, all of it optional but release and wheel.
release=
wheel=
extras=                # such as pi,monitor
python=python3
prefix=/opt/picanary
configuration=/etc/picanary
state=/var/lib/picanary
units=/etc/systemd/system
service=picanary-edge.service # empty: a folder of a user, without a service
all_in_one=            # no: broker and page that the release before had are taken away
offline=yes            # wheels/ has all of them; no: pip asks its index
pip_options=           # words for pip, quoted for the shell
doctor=yes             # let `edge doctor` look as well when the release is checked
patience_s=90          # so long a record may take
. "$here/settings"
release=${PICANARY_AS:-$release}

place=$prefix # as it will be called once $root is the root
prefix=$root$prefix
configuration=$root$configuration
state=$root$state
units=$root$units
folder=$prefix/releases/$release
credentials=/run/credentials/${service:-none}

say() { echo "$*" 2>/dev/null || true; }

die() {
    echo "$*" >&2 || true
    exit 1
}

name_of() { basename "$(readlink "$1" 2>/dev/null || true)"; }

# A link cannot be changed in place: the new one gets the old one's name in one rename.
point() {
    ln -sfn "releases/$2" "$prefix/$1.new"
    mv -T "$prefix/$1.new" "$prefix/$1"
}

# Whole or not at all, whenever the power goes: (mode, file, folder).
put() {
    install -m "$1" "$2" "$3/.new"
    mv "$3/.new" "$3/$(basename "$2")"
}

# The services that are started must not hold the installer's lock.
systemctl_() { systemctl "$@" 9>&-; }

# --- install

install_release() {
    sweep
    if [ -f "$folder/whole" ]; then say "release $release is there already" && return; fi
    [ -f "$here/wheels/$wheel" ] || die "the delivery has no wheels/$wheel"
    if [ -d "$prefix/current/all-in-one" ] && [ ! -f "$here/all-in-one/install.sh" ] && [ "$all_in_one" != no ]; then
        die "this Pi has broker and page, too: push with --all-in-one --house DIR, or be rid of them by --no-all-in-one"
    fi
    mkdir -p "$folder/tmp"
    take_over
    keep_secrets
    "$python" -m venv "$folder/venv"
    install_wheels
    rm -r "$folder/tmp"
    sync
    touch "$folder/whole"
}

# Releases that a power cut or a lost connection left half made.
sweep() {
    mkdir -p "$prefix/releases"
    for each in "$prefix/releases"/*; do
        if [ -d "$each" ] && [ ! -f "$each/whole" ] && [ "$(basename "$each")" != "$(name_of "$prefix/current")" ]; then
            rm -rf "$each"
        fi
    done
}

take_over() {
    for each in edge.toml room.canary; do
        from=$here/$each
        if [ ! -f "$from" ]; then from=$prefix/current/$each; fi
        if [ ! -f "$here/$each" ] && [ -f "$from" ] && is_replaced "$each"; then from=$configuration/$each; fi
        # the agent reads them as a user of its own: a boot partition that is mounted for root alone must not say no
        if [ -f "$from" ]; then install -m 644 "$from" "$folder/$each"; fi
    done
    if [ -n "$service" ]; then
        install -m 644 "$here/$service" "$folder/" # systemd frowns on the modes that a FAT gives
        for each in gpio.conf credentials.conf; do
            from=$here/$each
            if [ ! -f "$from" ]; then from=$units/$service.d/$each; fi
            if [ -f "$from" ]; then install -m 644 "$from" "$folder/$each"; fi
        done
    fi
    cp "$here/install.sh" "$folder/"
    install -m 600 "$here/settings" "$folder/" # pip's options may hold the password of an index
    if [ -f "$here/all-in-one/install.sh" ]; then
        mkdir -m 700 "$folder/all-in-one"
        cp -R "$here/all-in-one/." "$folder/all-in-one/"
    fi
}

# Some editors put a file of their own in place of our link, and that is what the agent reads.
is_replaced() { [ -n "$service" ] && [ -f "$configuration/$1" ] && [ ! -L "$configuration/$1" ]; }

# Brought for this release, and put to their place when it is switched to.
keep_secrets() {
    for each in "$here"/secret/*; do
        case $each in *.nmconnection) continue ;; esac # the card's, for the network
        if [ -f "$each" ]; then
            mkdir -p -m 700 "$folder/secret"
            install -m 600 "$each" "$folder/secret/"
        fi
    done
}

# pip unpacks into TMPDIR: the host's /tmp may be small and in memory.
install_wheels() {
    eval "set -- $pip_options"
    if [ "$offline" = yes ]; then set -- --no-index --find-links "$here/wheels" "$@"; fi
    TMPDIR=$folder/tmp PIP_ROOT_USER_ACTION=ignore "$folder/venv/bin/python" -m pip install --quiet --no-input \
        --disable-pip-version-check --no-cache-dir "$@" "$here/wheels/$wheel${extras:+[$extras]}"
}

# --- check

# The configuration as it will be, with everything where it still is.
as_it_will_be() {
    held=$configuration
    if [ -d "$folder/secret" ]; then held=$folder/secret; fi
    sed -e "s|$credentials/|$held/|g" -e "s|$place/current/|$folder/|g" "$folder/edge.toml" >"$1"
}

check() (
    need_whole
    cd "$folder"
    try=$(mktemp -d "$folder/check.XXXXXX")
    trap 'rm -rf "$try"' EXIT
    export TMPDIR="$try"
    venv/bin/python -m edge --version
    set --
    if [ -f room.canary ]; then set -- --bundle room.canary; fi
    if [ -f edge.toml ]; then
        as_it_will_be "$try/edge.toml"
        set -- "$@" --config "$try/edge.toml"
    fi
    venv/bin/python -m deploy.selfcheck "$@" 9>&-
    if [ "$doctor" = yes ] && [ -f edge.toml ]; then
        STATE_DIRECTORY=$state venv/bin/python -m deploy.diagnosis --config "$try/edge.toml" 9>&-
    fi
)

need_whole() {
    [ -f "$folder/whole" ] || die "release $release is not installed: install it first"
}

# --- switch

switch() {
    need_whole
    before=$(name_of "$prefix/current")
    if [ "$before" != "$release" ] && [ "${1:-}" != back ]; then
        echo "$before" >"$folder/before"
        rm -f "$folder/verified"
    fi
    if [ -n "$service" ]; then
        systemctl_ stop "$service" 2>/dev/null || true # not installed yet, the first time
        if [ -n "$before" ] && [ "$before" != "$release" ]; then undo "$prefix/releases/$before"; fi
        configure
        mark
    fi
    sync # before the link: what it leads to is whole then
    point current "$release"
    sync
    say "switched $place/current to $release"
}

# What only the release that goes had put there.
undo() {
    for each in "$1"/secret/*; do
        name=$(basename "$each")
        if [ -f "$1/replaced/$name" ] && cmp -s "$each" "$configuration/$name"; then
            put 600 "$1/replaced/$name" "$configuration"
        fi
    done
    if [ -d "$1/all-in-one" ] && [ ! -d "$folder/all-in-one" ]; then
        PICANARY_RELEASE=$1 sh "$1/all-in-one/install.sh" stop 9>&- || true
    fi
}

configure() {
    mkdir -p "$configuration" "$units/$service.d"
    for each in "$folder"/secret/*; do
        name=$(basename "$each")
        if [ ! -f "$each" ] || cmp -s "$each" "$configuration/$name"; then continue; fi
        if [ -f "$configuration/$name" ]; then
            mkdir -p -m 700 "$folder/replaced"
            install -m 600 "$configuration/$name" "$folder/replaced/"
        fi
        put 600 "$each" "$configuration"
    done
    put 644 "$folder/$service" "$units"
    for each in gpio.conf credentials.conf; do
        if [ -f "$folder/$each" ]; then put 644 "$folder/$each" "$units/$service.d"; else rm -f "$units/$service.d/$each"; fi
    done
    if [ -f "$folder/edge.toml" ]; then link_configuration; fi
}

# A configuration that somebody wrote there by hand is kept beside it.
link_configuration() {
    if [ -f "$configuration/edge.toml" ] && [ ! -L "$configuration/edge.toml" ]; then
        mv "$configuration/edge.toml" "$configuration/edge.toml.before-push"
    fi
    ln -sfn "$place/current/edge.toml" "$configuration/edge.toml"
}

# The newest record, once the old agent has written its last: whatever comes after it is of the new one.
mark() {
    arrival --mark >"$folder/mark"
}

arrival() {
    toml=$folder/edge.toml
    if [ ! -f "$toml" ]; then toml=$configuration/edge.toml; fi
    STATE_DIRECTORY=$state "$folder/venv/bin/python" -m deploy.arrival --config "$toml" "$@" 9>&-
}

# --- start, verify, rollback

# Does not wait for it, for it is tried again and again: `verify` says whether it runs.
start() {
    if [ -z "$service" ]; then return; fi
    systemctl_ daemon-reload
    # how often it ended is counted on until it has started anew, and `verify` may ask before that
    systemctl_ reset-failed "$service" 2>/dev/null || true
    systemctl_ enable --quiet "$service"
    systemctl_ restart --no-block "$service"
    if [ -d "$folder/all-in-one" ]; then
        PICANARY_RELEASE=$folder sh "$folder/all-in-one/install.sh" start 9>&-
    fi
}

# One line: what came, or why nothing did; which of them, the status says.
arrived() {
    if [ -z "$service" ]; then return; fi
    arrival --after "$folder/mark" --unit "$service" --within "$patience_s"
}

verify() {
    if [ "$(name_of "$prefix/current")" != "$release" ]; then die "release $release is not the current one"; fi
    if ! why=$(arrived 2>&1); then go_back "$(cat "$folder/before" 2>/dev/null || true)" "$why"; fi
    settle
    if [ -n "$why" ]; then say "$why"; fi
}

settle() {
    before=$(cat "$folder/before" 2>/dev/null || true)
    # one that the power kept from proving itself is nothing to go back to: the one behind it is
    if [ -n "$before" ] && [ ! -f "$prefix/releases/$before/verified" ]; then
        earlier=$(cat "$prefix/releases/$before/before" 2>/dev/null || true)
        if [ "$earlier" != "$release" ] && [ -f "$prefix/releases/${earlier:-none}/whole" ]; then before=$earlier; fi
    fi
    if [ -n "$before" ] && [ -d "$prefix/releases/$before" ]; then point previous "$before"; fi
    touch "$folder/verified"
}

# One verb for another release, or for this one where it may fail: in a shell of its own.
as() {
    of=$1
    shift
    PICANARY_AS=$of sh "$here/install.sh" "$@"
}

replace() {
    was=$(name_of "$prefix/current")
    if ! why=$( (as "$release" switch && as "$release" start) 2>&1); then go_back "$was" "$why"; fi
    say "switched $place/current to $release"
    verify
}

# `previous` stays: only a release that has proven itself makes it point elsewhere.
go_back() {
    why=$(echo "$2" | tail -n 1 | sed 's/^python -m [a-z.]*: //')
    if [ "$1" = "$release" ]; then die "$why; systemd keeps trying"; fi
    if [ -z "$1" ] || [ ! -f "$prefix/releases/$1/whole" ]; then
        die "$why; there is no release before it to go back to, so it stays, and systemd keeps trying"
    fi
    if ! now=$( (as "$1" switch back && as "$1" start && as "$1" arrived) 2>&1); then
        die "$why; $1 is back, but: $(echo "$now" | tail -n 1)"
    fi
    die "$why; $1 is back, and runs: $(echo "$now" | tail -n 1)"
}

# A release that the power kept from proving itself leads back to the one whose place it took.
behind() {
    if [ ! -f "$prefix/current/verified" ] && [ -s "$prefix/current/before" ]; then
        cat "$prefix/current/before"
    else
        name_of "$prefix/previous"
    fi
}

rollback() {
    target=$(behind)
    if [ -z "$target" ] || [ "$target" = "$(name_of "$prefix/current")" ] || [ ! -f "$prefix/releases/$target/whole" ]; then
        die "there is no release before $(name_of "$prefix/current") to go back to"
    fi
    as "$target" replace
}

# --- the rest

prune() {
    for each in "$prefix/releases"/*; do
        name=$(basename "$each")
        if [ "$name" != "$(name_of "$prefix/current")" ] && [ "$name" != "$(name_of "$prefix/previous")" ]; then
            rm -rf "$each"
        fi
    done
}

remove() {
    if [ "$(name_of "$prefix/current")" != "$release" ] && [ "$(name_of "$prefix/previous")" != "$release" ]; then
        rm -rf "$folder"
    fi
}

main() {
    verb=${1:-}
    if [ $# -gt 0 ]; then shift; fi
    case $verb in
    install) install_release ;;
    check | switch | start | arrived | verify | replace | rollback | prune | remove) "$verb" "$@" ;;
    *) die "install.sh knows no verb '$verb'" ;;
    esac
}

mkdir -p "$prefix"
if [ -z "${PICANARY_AS:-}" ] && command -v flock >/dev/null; then # a verb that lost its laptop may still be at work
    exec 9>"$prefix/.lock"
    flock -w 900 9 || die "another installation is at work there, for a quarter of an hour now"
fi
main "$@"
exit 0
