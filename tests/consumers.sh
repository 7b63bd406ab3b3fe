#!/bin/sh
# Copyright wsclose contributors
# SPDX-License-Identifier: BSL-1.0
#
# Uses wsclose in each way that docs/install.md shows, from a folder outside of the project: builds a server, starts it,
# and closes a connection to it.

# shellcheck disable=SC2046 # pkg-config prints a list of words
# shellcheck disable=SC2016 # what others write into a file

set -eu
project=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
trap 'wait; rm -rf "$work"' EXIT
cd "$work"
prefix=$work/prefix

# The project as a user has it: a clone of its own, but with the files as they are now.
mkdir clone
tar -C "$project" -c --exclude='./build*' --exclude=./.git . | tar -x -C clone
git -C clone init -q -b main
git -C clone add .
git -C clone -c user.name=consumer -c user.email=consumer@localhost commit -q -m 'As it is now'
wsclose_url=file://$work/clone
export wsclose_url CMAKE_GENERATOR=Ninja
version=$(python3 clone/docs/tools/version.py)

step() { # step NAME: calls the function with this name, in a folder of its own that has wsclose and a program
    mkdir "$1"
    cd "$1"
    ln -s "$work/clone" wsclose
    cp wsclose/docs/examples/chat_server.cpp .
    set +e # in a condition, the shell would not stop at a command that fails
    (set -ex; "$1") >log 2>&1
    status=$?
    set -e
    if [ $status -ne 0 ]; then
        cat log
        echo "consumers: $1 FAILED"
        exit 1
    fi
    echo "consumers: $1 OK"
    cd ..
}

closes() { # closes PROGRAM [ENDING]: the program closes a connection, and reports it
    python3 "$project/tests/support/says_bye.py" "$@"
}

first_step() { # of docs/ten-minutes.md
    mkdir docs
    cp -r wsclose/include .
    cp -r wsclose/docs/examples docs
    g++ -std=c++17 -I include docs/examples/ten_minutes/step1.cpp -o step1 -pthread $(pkg-config --cflags --libs libwebsockets)
    test -x step1
}

vendored() {
    mkdir third_party # of other projects
    mkdir -p third_party
    cp -r wsclose/include/. third_party
    g++ -std=c++17 -I third_party chat_server.cpp -o chat_server $(pkg-config --cflags --libs libwebsockets)
    closes ./chat_server
}

single_header() {
    wsclose/dev single-header third_party
    sed -i 's|#include <wsclose/lws.hpp>|#include "wsclose_lws.hpp"|' chat_server.cpp
    g++ -std=c++17 -I third_party chat_server.cpp -o chat_server $(pkg-config --cflags --libs libwebsockets)
    closes ./chat_server
    grep -q "of wsclose $version ($(git -C wsclose log -1 --format=%cs))" third_party/wsclose.hpp
}

# Each single file alone; then all of them in each unit of a program of two, with each compiler in each dialect.
single_header_everywhere() {
    wsclose/dev single-header third_party
    for file in third_party/*; do
        g++ -std=c++17 -fsyntax-only -Wall -Wextra -Werror -x c++ -include "$file" /dev/null
    done
    grep -v '#include <wsclose' chat_server.cpp >one.cpp
    echo 'extern int two; int two;' >two.cpp
    for file in third_party/*; do
        echo "#include \"${file#third_party/}\""
    done >all.hpp
    build() { # build COMPILER
        for dialect in c++17 c++20 c++2b; do
            "$1" -std=$dialect -fsyntax-only -x c++ /dev/null || continue
            "$1" -std=$dialect -Wall -Wextra -Wconversion -Wshadow -Werror -fno-exceptions -fno-rtti -I third_party \
                -include ./all.hpp one.cpp two.cpp -o "$1-$dialect" $(pkg-config --cflags --libs libwebsockets)
            closes "./$1-$dialect"
        done
    }
    build g++
    build clang++
    test -x g++-c++17
    test -x clang++-c++17
}

# Two files of different versions in one unit are an error, not a mixture.
single_header_of_another_version() {
    wsclose/dev single-header third_party
    sed 's/VERSION_PATCH [0-9]*/&1/; s/WSCLOSE_VERSION != [0-9]*$/&1/' third_party/wsclose.hpp >another.hpp
    printf '#include "another.hpp"\n' >one.cpp
    g++ -std=c++17 -fsyntax-only one.cpp
    printf '#include "another.hpp"\n#include "third_party/wsclose_lws.hpp"\n' >two.cpp
    if g++ -std=c++17 -fsyntax-only two.cpp 2>errors; then exit 1; fi
    grep "this is wsclose $version, but another version was included before it" errors
}

# Two libraries that have vendored different versions, in one program: each has its own.
two_versions() {
    cp -r wsclose/include one
    cp -r wsclose/include two
    sed -i 's/\(VERSION_PATCH\) [0-9]*/\1 99/' two/wsclose/version.hpp
    grep -rl '"closed cleanly' two | xargs sed -i 's/"closed cleanly/"ended cleanly/'
    g++ -std=c++17 -c -I one -Dmain=main_of_one chat_server.cpp -o one.o
    g++ -std=c++17 -c -I two -Dmain=main_of_two chat_server.cpp -o two.o
    for first in one two; do
        printf 'int main_of_one(int, char **), main_of_two(int, char **);
                int main(int count, char **arguments) { return main_of_%s(count, arguments); }' $first >main.cpp
        g++ main.cpp one.o two.o -o chat_server_$first $(pkg-config --cflags --libs libwebsockets)
    done
    closes ./chat_server_one 'closed cleanly by us'
    closes ./chat_server_two 'ended cleanly by us'

    # What one hands to the other must be of one version: the linker says so.
    cat >interface.cpp <<'END'
#include <wsclose/close_code.hpp>
void hand_over(wsclose::close_code);
#ifdef USER
int main() { hand_over(wsclose::close_code::going_away); }
#else
void hand_over(wsclose::close_code) {}
#endif
END
    g++ -std=c++17 -I one -c interface.cpp -o library.o
    g++ -std=c++17 -I one -DUSER interface.cpp library.o -o same
    if g++ -std=c++17 -I two -DUSER interface.cpp library.o -o different 2>errors; then exit 1; fi
    grep 'undefined reference to `hand_over(wsclose::v.*99::close_code)' errors
}

meson_program() { # for all ways of Meson
    cat >meson.build <<'END'
project('chat', 'cpp', default_options: ['cpp_std=c++17'])
wsclose = dependency('wsclose-lws', fallback: 'wsclose')
executable('chat_server', 'chat_server.cpp', dependencies: wsclose)
END
}

meson_subproject() {
    meson_program
    mkdir subprojects
    mv wsclose subprojects
    meson setup build
    ninja -C build
    closes build/chat_server
    test ! -e build/subprojects/wsclose/tests
    test ! -e build/subprojects/wsclose/docs
}

meson_wrap() {
    meson_program
    sed -i "s/, fallback: 'wsclose'//" meson.build # the wrap file says what it provides
    mkdir subprojects
    cat >subprojects/wsclose.wrap <<END
[wrap-git]
url = $wsclose_url
revision = main

[provide]
dependency_names = wsclose, wsclose-lws
END
    meson setup build
    ninja -C build
    closes build/chat_server
}

meson_install() {
    meson setup -Dtests=disabled -Ddocs=disabled --prefix="$prefix" build wsclose
    meson install -C build
}

meson_installed() {
    export PKG_CONFIG_PATH="$prefix/share/pkgconfig"
    meson_program
    meson setup --wrap-mode=nofallback build
    ninja -C build
    closes build/chat_server
}

pkg_config() {
    export PKG_CONFIG_PATH="$prefix/share/pkgconfig"
    g++ -std=c++17 chat_server.cpp -o chat_server $(pkg-config --cflags --libs wsclose-lws)
    closes ./chat_server
    test "$(pkg-config --modversion wsclose wsclose-lws)" = "$version
$version"
}

cmake_program() { # cmake_program LINES: the ways of CMake differ in these
    cat >CMakeLists.txt <<END
cmake_minimum_required(VERSION 3.18)
project(chat LANGUAGES CXX)
$1
add_executable(chat_server chat_server.cpp)
target_link_libraries(chat_server PRIVATE wsclose::lws)
END
}

cmake_build() { # cmake_build OPTION...
    cmake "$@" -S . -B build
    cmake --build build
    closes build/chat_server
}

cmake_subdirectory() {
    cmake_program 'add_subdirectory(wsclose)'
    cmake_build
}

cmake_fetchcontent() {
    cmake_program '
include(FetchContent)
FetchContent_Declare(wsclose GIT_REPOSITORY ${wsclose_url} GIT_TAG main)
FetchContent_MakeAvailable(wsclose)
'
    cmake_build -Dwsclose_url="$wsclose_url"
}

cmake_package='
find_package(wsclose 1.0 CONFIG REQUIRED COMPONENTS lws)
'

# By the config that CMake installs, in a prefix that has moved since, and with what CMake itself knows of libwebsockets.
cmake_installed() {
    prefix=$PWD/prefix
    cmake -S wsclose -B build-wsclose
    cmake --install build-wsclose --prefix "$prefix"
    mv "$prefix" moved
    cmake_program "$cmake_package"
    cmake_build -DCMAKE_PREFIX_PATH="$PWD/moved"
    rm -r build
    PKG_CONFIG_LIBDIR=/nowhere cmake_build -DCMAKE_PREFIX_PATH="$PWD/moved"
}

cmake_installed_by_meson() {
    cmake_program "$cmake_package"
    cmake_build -DCMAKE_PREFIX_PATH="$prefix"
}

# The core needs no libwebsockets. Who asks for more is told what is missing.
cmake_without_lws() {
    export PKG_CONFIG_LIBDIR=/nowhere
    cmake_program "$cmake_package"
    set -- -DCMAKE_PREFIX_PATH="$prefix" -DCMAKE_DISABLE_FIND_PACKAGE_libwebsockets=ON
    if cmake "$@" -S . -B build >said 2>&1; then exit 1; fi
    grep 'neither pkg-config nor CMake finds libwebsockets 4.0 or later' said
    grep 'There is no target wsclose::lws' said
    cat >CMakeLists.txt <<'END'
cmake_minimum_required(VERSION 3.18)
project(codes LANGUAGES CXX)
find_package(wsclose 1.0 CONFIG REQUIRED)
add_executable(application_codes wsclose/docs/examples/application_codes.cpp)
target_link_libraries(application_codes PRIVATE wsclose::wsclose)
END
    rm -r build
    cmake "$@" -S . -B build
    cmake --build build
    build/application_codes
}

cmake_version() { # for which versions find_package() takes the installed one
    cat >CMakeLists.txt <<'END'
cmake_minimum_required(VERSION 3.18)
project(versions LANGUAGES NONE)
string(REPLACE "." ";" number ${version})
list(GET number 0 major)
math(EXPR before "${major} - 1")
math(EXPR next "${major} + 1")
foreach(asked ${major} ${major}.0 ${version} "${version};EXACT")
    find_package(wsclose ${asked} CONFIG REQUIRED QUIET)
endforeach()
foreach(asked ${before} ${before}.9 ${version}.1 ${major}.99 ${next} "${version}.1;EXACT")
    find_package(wsclose ${asked} CONFIG QUIET)
    if(wsclose_FOUND)
        message(SEND_ERROR "${version} is taken for ${asked}")
    endif()
endforeach()
END
    cmake -Dversion="$version" -DCMAKE_PREFIX_PATH="$prefix" -S . -B build
}

# Neither vcpkg nor Conan is here: docs/install.md says what of these has been tested.
recipes() {
    python3 - wsclose "$version" <<'END'
import ast, json, pathlib, sys
packaging = pathlib.Path(sys.argv[1], "docs/packaging")
port = json.loads((packaging / "vcpkg/wsclose/vcpkg.json").read_text())
assert port["version"] == sys.argv[2], "vcpkg.json has another version than include/wsclose/version.hpp"
ast.parse((packaging / "conan/conanfile.py").read_text())
END
}

step single_header_everywhere & # it takes as long as all others
everywhere=$!
step vendored
step first_step
step single_header
step single_header_of_another_version
step two_versions
step meson_subproject
step meson_wrap
step meson_install
step meson_installed
step pkg_config
step cmake_subdirectory
step cmake_fetchcontent
step cmake_installed
step cmake_installed_by_meson
step cmake_without_lws
step cmake_version
step recipes
wait $everywhere
