#!/bin/sh
# Installs picanary from the boot partition, without a network, and takes it off there again.
# Every step may be run twice: a power cut only means that it begins anew.
set -eu
umask 022

root=${PICANARY_ROOT:-}
boot=$(cd "$(dirname "$0")" && pwd)
prefix=$root/opt/picanary

# To the log and to the journal; tee cannot open the journal, which is a socket.
say() {
    echo "picanary: $*"
    echo "picanary: $*" >&3
}

# A Pi without a screen: its card, back in the computer, says what went wrong.
complain() {
    status=$?
    if [ "$status" = 0 ]; then return; fi
    tail -n 20 "$log" >"$boot/failed.txt" || true
    sync
    say "not installed; failed.txt on the boot partition says why"
}

# The other first-boot tools have made the user by now.
customise() {
    if [ -n "$hostname" ] && [ "$(cat "$root/etc/hostname" 2>/dev/null)" != "$hostname" ]; then
        raspi-config nonint do_hostname "$hostname" || hostnamectl set-hostname "$hostname"
    fi
    if [ -f "$boot/authorized_key" ]; then let_in; fi
    if [ -f "$boot/secret/picanary.nmconnection" ]; then connect; fi
}

let_in() {
    entry=$(getent passwd 1000) || { say "there is no first user to give the ssh key to"; return 0; }
    home=$root$(echo "$entry" | cut -d: -f6)
    mkdir -p "$home/.ssh"
    touch "$home/.ssh/authorized_keys"
    if ! grep -qxF "$(cat "$boot/authorized_key")" "$home/.ssh/authorized_keys"; then
        # Imager's may end without a newline
        if [ -n "$(tail -c 1 "$home/.ssh/authorized_keys")" ]; then echo >>"$home/.ssh/authorized_keys"; fi
        cat "$boot/authorized_key" >>"$home/.ssh/authorized_keys"
    fi
    chmod 700 "$home/.ssh"
    chmod 600 "$home/.ssh/authorized_keys"
    chown -R "$(echo "$entry" | cut -d: -f1):" "$home/.ssh"
    systemctl enable --now ssh
}

connect() {
    mkdir -p "$root/etc/NetworkManager/system-connections"
    install -m 600 "$boot/secret/picanary.nmconnection" "$root/etc/NetworkManager/system-connections/"
    raspi-config nonint do_wifi_country "$country" || iw reg set "$country" || true
    rfkill unblock wifi || true
    nmcli connection reload || true
}

# What is on the FAT can be read by whoever holds the card: secrets are overwritten before they are removed.
clean() {
    for folder in secret all-in-one; do
        if [ ! -d "$boot/$folder" ]; then continue; fi
        find "$boot/$folder" -type f | while IFS= read -r secret; do
            head -c "$(wc -c <"$secret")" /dev/zero | dd of="$secret" conv=notrunc,fsync status=none
        done
    done
    find "$boot" -mindepth 1 ! -name installed.txt ! -name first-boot.sh -delete
    systemctl disable picanary-first-boot.service
    rm -f "$0" # sh has read all of it
    sync
}

main() {
    if [ ! -f "$boot/installed.txt" ]; then
        . "$boot/settings"
        say "installing (some minutes)"
        customise
        sh "$boot/install.sh" install
        sh "$boot/install.sh" check
        sh "$boot/install.sh" switch
        sync
        echo "$release" >"$boot/installed.txt"
        sync
    fi
    # before the rest goes: what fails up to here, or is cut short, begins anew at the next boot
    sh "$prefix/current/install.sh" start
    clean
    say "installed; it runs as picanary-edge.service"
}

log=$root/var/log/picanary-first-boot.log
mkdir -p "$root/var/log"
exec 3>&1 >>"$log" 2>&1
trap complain EXIT
main
exit 0
