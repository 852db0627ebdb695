#!/usr/bin/env bash
# Print the path of the Jaeger binary that the live tests use.
#
# JAEGER_BIN names one that is there already (from a download or an image). Otherwise release
# 2.13.0 is built once, from its Go module v1.76.0, into the cache folder: with cold caches
# that takes about five minutes and 3 GB. It needs Go 1.24 or newer.
set -euo pipefail

if [[ -n "${JAEGER_BIN:-}" ]]; then
    echo "$JAEGER_BIN"
    exit
fi

binary="${XDG_CACHE_HOME:-$HOME/.cache}/opsportal/jaeger-2.13.0"
if [[ ! -x "$binary" ]]; then
    PATH="$PATH:/usr/local/go/bin"
    if ! command -v go >/dev/null; then
        echo "Jaeger cannot be built without Go 1.24 or newer; or name a binary in JAEGER_BIN" >&2
        exit 1
    fi
    echo "building Jaeger 2.13.0 into $binary" >&2
    mkdir -p "$(dirname "$binary")"
    # Its go.mod has a replace, so `go install` refuses; inside the module `go build` works.
    module=$(go mod download -json github.com/jaegertracing/jaeger@v1.76.0 |
        sed -n 's/^\t"Dir": "\(.*\)",\{0,1\}$/\1/p')
    CGO_ENABLED=0 go build -C "$module" -o "$binary.$$" ./cmd/jaeger >&2
    mv "$binary.$$" "$binary"
fi
echo "$binary"
