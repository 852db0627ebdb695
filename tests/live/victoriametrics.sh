#!/usr/bin/env bash
# Print the path of a VictoriaMetrics program that the live tests use: `vmalert` or
# `victoria-metrics`.
#
# VMALERT_BIN and VICTORIA_METRICS_BIN name programs that are there already. Otherwise release
# 1.151.0 is built once, from its Go module, into the cache folder: with cold caches each takes
# about a minute. It needs Go 1.21 or newer, which fetches Go 1.26 if it is older than that.
set -euo pipefail

program=$1
variable=${program^^}_BIN
variable=${variable//-/_}
if [[ -n "${!variable:-}" ]]; then
    echo "${!variable}"
    exit
fi

folder="${XDG_CACHE_HOME:-$HOME/.cache}/opsportal"
binary="$folder/$program-1.151.0"
if [[ ! -x "$binary" ]]; then
    PATH="$PATH:/usr/local/go/bin"
    if ! command -v go >/dev/null; then
        echo "$program cannot be built: install Go (golang.org/dl), 1.21 or newer; or name a binary in $variable" >&2
        exit 1
    fi
    echo "building $program 1.151.0 into $binary" >&2
    mkdir -p "$folder"
    built=$(mktemp -d "$folder/build.XXXXXX")
    trap 'rm -rf "$built"' EXIT
    CGO_ENABLED=0 GOBIN="$built" go install \
        "github.com/VictoriaMetrics/VictoriaMetrics/app/$program@v1.151.0" >&2
    mv "$built/$program" "$binary"
fi
echo "$binary"
