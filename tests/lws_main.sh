#!/bin/sh
# Copyright wsclose contributors
# SPDX-License-Identifier: BSL-1.0
#
# Builds lws from a checkout, at whatever commit it is, with the features that Debian builds it with (and with
# assertions, as Debian does), and installs it in build/lws-main-built/prefix.

set -eu
cd "$(dirname "$0")/.."
source=${LWS_SOURCE:-build/lws-main}
built=build/lws-main-built

if [ ! -f "$source/lib/roles/ws/ops-ws.c" ]; then
    echo "lws-main: $source is no checkout of lws; git clone https://github.com/warmcat/libwebsockets build/lws-main, or name yours: LWS_SOURCE=FOLDER" >&2
    exit 1
fi

# Meson would not notice that the version has changed.
commit=$(git -C "$source" rev-parse HEAD)
[ "$(cat $built/commit 2>/dev/null)" = "$commit" ] || rm -rf $built
mkdir -p $built
echo "$commit" >$built/commit

echo "lws-main: building lws $(git -C "$source" log -1 --format='%h of %cs'); the log is $built/lws.log"
if ! {
    cmake -S "$source" -B $built/lws -G Ninja -DCMAKE_BUILD_TYPE=None -DCMAKE_C_FLAGS='-g -O2' -DDISABLE_WERROR=ON \
        -DCMAKE_INSTALL_PREFIX="$PWD/$built/prefix" -DCMAKE_INSTALL_LIBDIR=lib -DLWS_WITH_STATIC=OFF \
        -DLWS_WITHOUT_TESTAPPS=ON -DLWS_WITH_MINIMAL_EXAMPLES=OFF -DLWS_WITH_HTTP2=ON -DLWS_WITH_HTTP3=OFF \
        -DLWS_IPV6=ON -DLWS_UNIX_SOCK=ON -DLWS_WITHOUT_EXTENSIONS=OFF -DLWS_WITH_LIBUV=ON -DLWS_WITH_GLIB=ON &&
        ninja -C $built/lws install
} >$built/lws.log 2>&1; then
    tail -n 20 $built/lws.log >&2
    exit 1
fi
