# Copyright wsclose contributors
# SPDX-License-Identifier: BSL-1.0

"""Builds core_test and lws_test for the platforms that are named, with Debian's cross compilers, and runs them in an
emulator. zlib, libwebsockets (without TLS) and Catch2 are built for each platform, once, from Debian's sources. `./dev
platforms` installs what this needs."""

import concurrent.futures
import dataclasses
import os
import pathlib
import re
import shutil
import subprocess
import sys

project = pathlib.Path(__file__).resolve().parent.parent
build = project / "build/platforms"
sources = build / "sources"
suite = "trixie"  # of Debian, whose libwebsockets, zlib and Catch2 these are
workers = os.cpu_count() or 1


@dataclasses.dataclass
class Platform:
    triple: str  # the prefix of its compiler
    emulator: tuple = ()
    system: str = "Linux"
    flags: tuple = ()
    libraries: tuple = ()
    leaves_out: str = "~[tls]"  # of lws_test, by the tags of its tests


# qemu passes on a part of TCP_INFO, and that swapped on s390x: without the macro, the headers do not ask for it.
# lws on Windows does not notice a full socket before it writes, nor, on Wine, that nobody listens.
platforms = {
    "aarch64": Platform("aarch64-linux-gnu", ("qemu-aarch64",), leaves_out="~[tls]~[kernel]"),
    "armhf": Platform("arm-linux-gnueabihf", ("qemu-arm",), leaves_out="~[tls]~[kernel]", flags=("-Wno-psabi",)),
    "i386": Platform("i686-linux-gnu"),  # the kernel of x86-64 runs it
    "riscv64": Platform("riscv64-linux-gnu", ("qemu-riscv64",), leaves_out="~[tls]~[kernel]"),
    "s390x": Platform("s390x-linux-gnu", ("qemu-s390x",), leaves_out="~[tls]~[kernel]", flags=("-U__linux__",)),
    "windows": Platform(
        "x86_64-w64-mingw32",
        ("/usr/lib/wine/wine64",),
        system="Windows",
        libraries=("-lws2_32", "-liphlpapi", "-lpsapi", "-luserenv"),
        leaves_out="~[tls]~[kernel]~[choked]~[refused]",
    ),
}


def run(log, *command, **options):
    """Runs a command; its output goes into the log."""
    with open(log, "a") as to:
        subprocess.run([str(word) for word in command], check=True, stdout=to, stderr=to, **options)


class Target:
    def __init__(self, name):
        self.name = name
        self.platform = platforms[name]
        self.root = build / name
        self.log = self.root / "log"
        self.root.mkdir(parents=True, exist_ok=True)
        self.log.write_text("")
        self.libraries = [self.root / "catch2.o"]

    def tool(self, name):
        return f"{self.platform.triple}-{name}"

    def build_zlib(self):
        library = self.root / "libz.a"
        if not library.exists():
            parts = ["adler32", "crc32", "deflate", "inffast", "inflate", "inftrees", "trees", "zutil"]
            for part in parts:
                run(self.log, self.tool("gcc"), "-O2", "-c", sources / "zlib" / f"{part}.c", cwd=self.root)
            run(self.log, self.tool("ar"), "rcs", library, *(self.root / f"{part}.o" for part in parts))
        return library

    def build_lws(self):
        library = self.root / "libwebsockets.a"
        zlib = self.build_zlib()
        if not library.exists():
            options = {
                "CMAKE_SYSTEM_NAME": self.platform.system,
                "CMAKE_C_COMPILER": self.tool("gcc"),
                "CMAKE_RC_COMPILER": self.tool("windres"),
                "CMAKE_BUILD_TYPE": "Release",
                "LWS_WITH_SSL": "OFF",
                "LWS_WITH_SHARED": "OFF",
                "LWS_WITHOUT_TESTAPPS": "ON",
                "LWS_WITH_MINIMAL_EXAMPLES": "OFF",
                "LWS_WITHOUT_EXTENSIONS": "OFF",
                "LWS_WITH_ZLIB": "ON",
                "LWS_WITH_BUNDLED_ZLIB": "OFF",
                "LWS_ZLIB_LIBRARIES": zlib,
                "LWS_ZLIB_INCLUDE_DIRS": sources / "zlib",
            }
            folder = self.root / "lws"
            run(self.log, "cmake", "-S", sources / "libwebsockets", "-B", folder,
                *(f"-D{name}={value}" for name, value in options.items()))  # fmt: skip
            run(self.log, "cmake", "--build", folder, "--parallel", workers)
            (built,) = folder.glob("lib/libwebsockets*.a")  # Windows has another name for it
            shutil.copy(built, library)
        self.libraries += [library, zlib, *self.platform.libraries]

    def compile(self, source, *flags):
        made = self.root / (str(source.relative_to(project)).replace("/", "_") + ".o")
        run(self.log, self.tool("g++"), "-std=c++17", "-O1", *self.platform.flags, *flags, "-c", source, "-o", made)
        return made

    def build_catch2(self):
        made = self.libraries[0]
        if not made.exists():
            run(self.log, self.tool("g++"), "-std=c++17", "-O1", "-c", sources / "catch2/extras/catch_amalgamated.cpp",
                "-o", made)  # fmt: skip

    def build_test(self, name, files):
        """A test program, with all warnings as errors."""
        flags = [
            "-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow", "-Werror",
            "-I", project / "include", "-I", project / "tests",
            "-isystem", build / "include", "-isystem", self.root / "lws/include", "-isystem", sources / "zlib",
        ]  # fmt: skip
        with concurrent.futures.ThreadPoolExecutor(workers) as pool:
            objects = list(pool.map(lambda file: self.compile(file, *flags), files))
        program = self.root / (name + ".exe")
        run(self.log, self.tool("g++"), "-static", *objects, *self.libraries, "-pthread", "-o", program)
        return program

    def run_test(self, program, which):
        """The last line of what Catch2 prints, and whether the tests passed."""
        wine = {
            "WINEPREFIX": str(self.root / "wine"),
            "WINEDEBUG": "-all",
            "WINEDLLOVERRIDES": "mscoree,mshtml,winemenubuilder.exe=",  # it would offer to install things
        }
        command = [*self.platform.emulator, program, *which]
        done = subprocess.run(command, env={**os.environ, **wine}, capture_output=True, text=True, errors="replace",
                              timeout=1800)  # fmt: skip
        with open(self.log, "a") as log:
            log.write(done.stdout + done.stderr)
        summary = re.findall(r"^(?:All tests passed|test cases:).*$", done.stdout, re.MULTILINE)
        return done.returncode == 0, summary[-1] if summary else f"ended with {done.returncode}"

    def version(self):
        return subprocess.run([self.tool("g++"), "-dumpfullversion"], capture_output=True, text=True).stdout.strip()


def main(names):
    for name in names:
        if name not in platforms:
            sys.exit(f"platforms: {name} is not the name of a platform; there are {' '.join(platforms)}")
    build.mkdir(parents=True, exist_ok=True)
    subprocess.run([project / "tests/support/sources.sh", sources, suite, "zlib", "libwebsockets", "catch2"], check=True)
    include = build / "include/catch2"
    include.mkdir(parents=True, exist_ok=True)
    shutil.copy(sources / "catch2/extras/catch_amalgamated.hpp", include / "catch_all.hpp")

    tests = project / "tests"
    binding = sorted((tests / "wsclose/lws").rglob("*.cpp"))
    programs = {
        "core_test": sorted({*tests.glob("wsclose/**/*.cpp")} - {*binding}),
        "lws_test": [file for file in binding if "http2" not in file.name] + [tests / "support/no_tls.cpp"],
    }
    failed = []
    for name in names or platforms:
        target = Target(name)
        print(f"== {name}", flush=True)
        try:
            target.build_catch2()
            target.build_lws()
            for program, files in programs.items():
                which = [target.platform.leaves_out] if program == "lws_test" else []
                passed, summary = target.run_test(target.build_test(program, files), which)
                print("  ".join([f"g++ {target.version()}", program, *which, summary]), flush=True)
                if not passed:
                    failed.append(f"{name}: {program}")
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
            failed.append(f"{name}: {error}")
    if failed:
        sys.exit("platforms: not passed:\n" + "\n".join(failed) + f"\nsee {build.relative_to(project)}/NAME/log")


if __name__ == "__main__":
    main(sys.argv[1:])
