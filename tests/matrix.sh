#!/bin/sh
# Copyright wsclose contributors
# SPDX-License-Identifier: BSL-1.0
#
# Runs the test suite in the Debian suites that are named, or in all of them, each with its own lws,
# compilers and Catch2, and prints a table. The root file systems stay in build/roots: the next run uses
# them as they are, and makes those that are missing.

# shellcheck disable=SC2016 # the single quotes are for another shell, or for apt

set -eu
cd "$(dirname "$0")/.."
[ $# -gt 0 ] || set -- bullseye bookworm trixie sid

stop() {
    echo "matrix: $1" >&2
    exit 1
}

# contained COMMAND...: runs it with mounts and processes of its own, which end when it ends and when this
# script ends. It runs in the background: the shell handles a signal only after a command in the
# foreground has ended. A command in the background ignores SIGINT; the tests need the default.
job=''
trap '[ -z "$job" ] || kill -KILL "$job"' EXIT
trap 'exit 1' HUP INT TERM
contained() {
    env --default-signal=INT,QUIT unshare --mount --pid --fork --kill-child --mount-proc "$@" &
    job=$!
    status=0
    wait "$job" || status=$?
    job=''
    return "$status"
}

# in_root ROOT COMMAND...: runs it in the copy of the project there, without our environment, which may name
# paths that do not exist in the root.
in_root() {
    cp --remove-destination /etc/resolv.conf /etc/hosts "$1/etc/" &&
        contained sh -ec '
            mount --rbind /dev "$0/dev"
            mount -t proc proc "$0/proc"
            exec chroot "$0" env -i -C /wsclose HOME=/root LC_ALL=C.UTF-8 \
                PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$@"' "$@"
}

# copy_project ROOT: copies the tracked files as they are now; what was built there stays. They get the present
# time: with their own, files of another checkout could be older than what was built, and then nobody would build them.
copy_project() {
    mkdir -p "$1/wsclose" &&
        find "$1/wsclose" -mindepth 1 -maxdepth 1 ! -name build -exec rm -rf {} + &&
        git ls-files -z | tar -c --null -T - --ignore-failed-read | tar -x -m --no-same-owner -C "$1/wsclose"
}

# copy_apt_settings ROOT: copies how this machine's apt reaches the mirror, with the files that this names.
# dpkg needs no fsync in a root that can be made again.
copy_apt_settings() {
    echo force-unsafe-io >"$1/etc/dpkg/dpkg.cfg.d/99unsafe"
    settings=$1/etc/apt/apt.conf.d/99machine
    apt-config dump | grep -E '^Acquire::(https?|Check-|Force|Retries)' >"$settings" || true
    for scheme in http https; do
        eval "proxy=\${${scheme}_proxy:-}"
        [ -z "$proxy" ] || echo "Acquire::$scheme::Proxy \"$proxy\";" >>"$settings"
    done
    for file in /etc/ssl/certs/ca-certificates.crt /etc/apt/auth.conf /etc/apt/auth.conf.d/* \
        $(sed -n 's/.* "\(\/.*\)";$/\1/p' "$settings"); do
        [ ! -f "$file" ] || { mkdir -p "$1${file%/*}" && cp -p "$file" "$1$file"; } || return
    done
}

# make_root SUITE: makes it under another name until it has everything that the tests need. debootstrap's
# script for sid fits every suite, also those that are newer than this debootstrap.
make_root() {
    part=build/roots/$1.part
    rm -rf "$part"
    contained sh -ec '
        eval "$(apt-config shell http_proxy Acquire::http::Proxy https_proxy Acquire::https::Proxy)"
        export http_proxy https_proxy
        exec debootstrap --variant=minbase --force-check-gpg "$@"' sh \
        "$1" "$part" "$mirror" /usr/share/debootstrap/scripts/sid &&
        copy_apt_settings "$part" &&
        copy_project "$part" &&
        in_root "$part" ./dev tools &&
        mv "$part" "build/roots/$1"
}

run_tests() { # run_tests ROOT
    rm -f "$1/wsclose/build/results"
    copy_project "$1" && in_root "$1" ./dev test
}

versions() { # versions ROOT: of lws, then of the compilers
    chroot "$1" pkg-config --modversion libwebsockets | cut -d- -f1
    echo "g++ $(chroot "$1" g++ -dumpfullversion | cut -d. -f1,2)," \
        "clang++ $(chroot "$1" clang++ -dumpversion | cut -d. -f1,2)"
}

row() {
    printf '%-10s %-8s %-28s %6s  %s\n' "$@" >>build/matrix/table
}

failed() { # failed SUITE WHAT
    echo "matrix: $1: $2; the end of build/matrix/$1.log:"
    tail -n 20 "build/matrix/$1.log"
    all_passed=''
}

for suite; do
    case $suite in lws-main) stop 'lws-main runs alone: ./dev matrix lws-main' ;; *[!a-z]*) stop "$suite is not the name of a suite" ;; esac
done
[ "$(id -u)" = 0 ] || stop 'this needs root, to mount and to chroot'
contained true || stop 'this needs the right to mount; a container has to be a privileged one'

mkdir -p build/roots build/matrix
: >build/matrix/table
row suite lws compilers passed failed
all_passed=yes
mirror=''
for suite; do
    root=build/roots/$suite
    log=build/matrix/$suite.log
    : >"$log"
    if [ ! -d "$root" ]; then
        echo "== $suite: making $root"
        [ -n "$mirror" ] || mirror=$(tests/support/debian_mirror.sh) || stop 'there is no mirror to get a suite from'
        if ! make_root "$suite" >>"$log" 2>&1; then
            row "$suite" - - - 'not set up'
            failed "$suite" 'it could not be set up'
            continue
        fi
    fi
    echo "== $suite: running the tests"
    ended=0
    run_tests "$root" >>"$log" 2>&1 || ended=$?
    results=$root/wsclose/build/results
    [ -f "$results" ] || : >"$results"
    passed=$(grep -c ' OK ' "$results" || true)
    not_passed=$(($(grep -c . "$results" || true) - passed))
    [ "$ended" = 0 ] || [ "$not_passed" != 0 ] || not_passed='stopped'
    versions=$(versions "$root")
    row "$suite" "${versions%%
*}" "${versions#*
}" "$passed" "$not_passed"
    [ "$ended" = 0 ] || failed "$suite" 'not all tests passed'
done
cat build/matrix/table
[ -n "$all_passed" ]
