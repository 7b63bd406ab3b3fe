#!/bin/sh
# Copyright wsclose contributors
# SPDX-License-Identifier: BSL-1.0
#
# Brings the sources of Debian packages as their authors released them: sources.sh FOLDER SUITE PACKAGE...
# unpacks each into FOLDER/PACKAGE, if it is not there. apt's own lists and sources stay as they are.

set -eu

folder=$1
suite=$2
shift 2
here=$(dirname "$0")
wanted=''
for package; do
    [ -d "$folder/$package" ] || wanted="$wanted $package"
done
[ -n "$wanted" ] || exit 0

mkdir -p "$folder/apt/lists/partial" "$folder/apt/archives/partial"
here=$(cd "$here" && pwd)
cd "$folder"
echo "deb-src [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $("$here/debian_mirror.sh") $suite main" \
    >apt/sources.list

private_apt() {
    apt-get -q -o Dir::Etc::SourceList="$PWD/apt/sources.list" -o Dir::Etc::SourceParts=- \
        -o Dir::State::Lists="$PWD/apt/lists" -o Dir::Cache="$PWD/apt" "$@" >>apt/log 2>&1 ||
        { cat apt/log >&2; exit 1; }
}

: >apt/log
private_apt update
for package in $wanted; do
    private_apt source --download-only --tar-only "$package"
    mkdir "$package.part"
    tar -x --strip-components=1 -C "$package.part" -f "$(find . -maxdepth 1 -name "${package}_*.orig.tar.*" ! -name '*.asc')"
    mv "$package.part" "$package"
done
