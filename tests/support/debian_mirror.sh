#!/bin/sh
# Copyright wsclose contributors
# SPDX-License-Identifier: BSL-1.0
#
# Prints the Debian mirror that this machine's apt uses. apt knows it when it has its lists.

# shellcheck disable=SC2016 # the single quotes are for apt

mirror() {
    apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' 'Label: Debian' | head -n 1
}

found=$(mirror)
[ -n "$found" ] || { apt-get update -q >/dev/null && found=$(mirror); }
[ -n "$found" ] || { echo 'apt has no Debian mirror in its sources' >&2; exit 1; }
echo "$found"
