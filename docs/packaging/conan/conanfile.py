# Copyright wsclose contributors
# SPDX-License-Identifier: BSL-1.0

"""The recipe for Conan 2: `conan create wsclose/docs/packaging/conan`."""

import pathlib
import re

from conan import ConanFile
from conan.tools.files import copy


class Wsclose(ConanFile):
    name = "wsclose"
    description = "How WebSocket connections end, in C++ programs built on libwebsockets"
    license = "BSL-1.0"
    topics = ("websocket", "libwebsockets", "header-only")
    package_type = "header-library"
    settings = "os", "arch", "compiler", "build_type"
    no_copy_source = True

    @property
    def _project(self):
        return pathlib.Path(self.recipe_folder).parents[2]

    def set_version(self):
        header = (self._project / "include/wsclose/version.hpp").read_text(encoding="utf-8")
        self.version = ".".join(re.findall(r"#define WSCLOSE_VERSION_(?:MAJOR|MINOR|PATCH) (\d+)", header))

    def export_sources(self):
        copy(self, "include/*", self._project, self.export_sources_folder)
        copy(self, "LICENSE", self._project, self.export_sources_folder)

    def requirements(self):
        self.requires("libwebsockets/[>=4.0 <6]", transitive_headers=True, transitive_libs=True)

    def package(self):
        copy(self, "include/*", self.source_folder, self.package_folder)
        copy(self, "LICENSE", self.source_folder, self.package_folder)

    def package_id(self):
        self.info.clear()

    def package_info(self):
        core, lws = self.cpp_info.components["wsclose"], self.cpp_info.components["lws"]
        core.set_property("pkg_config_name", "wsclose")
        lws.set_property("pkg_config_name", "wsclose-lws")
        lws.requires = ["wsclose", "libwebsockets::libwebsockets"]
        for component in (core, lws):
            component.bindirs, component.libdirs = [], []
