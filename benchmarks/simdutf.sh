#!/bin/sh
# Copyright wsclose contributors
# SPDX-License-Identifier: BSL-1.0
#
# Puts simdutf from Debian unstable into build/simdutf, and changes nothing else on the machine. Older suites
# have no simdutf, or an old one; the library itself runs on them.

set -eu
cd "$(dirname "$0")/.."
out=$PWD/build/simdutf
[ ! -d "$out" ] || exit 0

mirror=$(tests/support/debian_mirror.sh)
rm -rf "$out.part"
mkdir -p "$out.part/lists/partial"
cd "$out.part"
echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror sid main" >sources
cat >apt.conf <<END
Dir::Etc::SourceList "$PWD/sources";
Dir::Etc::SourceParts "-";
Dir::State::Lists "$PWD/lists";
Dir::Cache::pkgcache "";
Dir::Cache::srcpkgcache "";
Acquire::Languages "none";
APT::Sandbox::User "root";
END
export APT_CONFIG="$PWD/apt.conf"
apt-get update -q
library=$(apt-cache depends libsimdutf-dev | sed -n 's/.*Depends: \(libsimdutf[0-9]*\)$/\1/p')
apt-get download -q libsimdutf-dev "$library"
for package in *.deb; do
    dpkg-deb -x "$package" .
done
sed -i "s|^prefix=.*|prefix=$out/usr|" usr/lib/*/pkgconfig/simdutf.pc
rm -r lists
mv "$out.part" "$out"
