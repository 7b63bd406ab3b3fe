#!/bin/sh
# Copyright wsclose contributors
# SPDX-License-Identifier: BSL-1.0
#
# Uses wsclose in each way that docs/install.md shows, from a folder outside of the project.

# shellcheck disable=SC2046 # pkg-config prints a list of words

set -eu
wsclose=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
cp "$wsclose/docs/examples/chat_server.cpp" .

step() { # step NAME: calls the function with this name, in a folder of its own
    mkdir "$1"
    cd "$1"
    cp ../chat_server.cpp .
    set +e # in a condition, the shell would not stop at a command that fails
    (set -e; "$1") >../log 2>&1
    status=$?
    set -e
    if [ $status -ne 0 ]; then
        cat ../log
        echo "consumers: $1 FAILED"
        exit 1
    fi
    echo "consumers: $1 OK"
    cd ..
}

vendored() {
    cp -r "$wsclose/include" wsclose
    g++ -I wsclose chat_server.cpp -o chat_server $(pkg-config --cflags --libs libwebsockets)
    test -x chat_server
}

first_step() { # of docs/ten-minutes.md
    mkdir docs
    cp -r "$wsclose/include" .
    cp -r "$wsclose/docs/examples" docs
    g++ -std=c++17 -I include docs/examples/ten_minutes/step1.cpp -o step1 -pthread $(pkg-config --cflags --libs libwebsockets)
    test -x step1
}

subproject() {
    mkdir subprojects
    ln -s "$wsclose" subprojects/wsclose
    cat >meson.build <<'END'
project('chat', 'cpp', default_options: ['cpp_std=c++17'])
wsclose = dependency('wsclose-lws', fallback: ['wsclose', 'wsclose_lws_dep'])
executable('chat_server', 'chat_server.cpp', dependencies: wsclose)
END
    meson setup build
    ninja -C build
    test -x build/chat_server
    test ! -e build/subprojects/wsclose/tests/core_test
}

pkg_config() {
    mkdir copy
    tar -C "$wsclose" -c --exclude=./build --exclude=./.git . | tar -x -C copy
    (
        cd copy
        meson setup -Dtests=disabled -Ddocs=disabled build --prefix="$work/prefix"
        meson install -C build
    )
    export PKG_CONFIG_PATH="$work/prefix/share/pkgconfig"
    g++ chat_server.cpp -o chat_server $(pkg-config --cflags --libs wsclose libwebsockets)
    test -x chat_server
}

cmake_subdirectory() {
    ln -s "$wsclose" wsclose
    cat >CMakeLists.txt <<'END'
cmake_minimum_required(VERSION 3.10)
project(chat LANGUAGES CXX)
find_package(PkgConfig REQUIRED)
pkg_check_modules(LWS REQUIRED IMPORTED_TARGET libwebsockets)
add_subdirectory(wsclose)
add_executable(chat_server chat_server.cpp)
target_link_libraries(chat_server PRIVATE wsclose::wsclose PkgConfig::LWS)
END
    cmake -S . -B build
    cmake --build build
    test -x build/chat_server
}

step vendored
step first_step
step subproject
step pkg_config
step cmake_subdirectory
