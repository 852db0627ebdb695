#!/usr/bin/env bash
# Print the path of the program that reads matcher texts with Alertmanager's own parsers.
#
# MATCHERS_BIN names one that is there already. Otherwise matchers.go is built once,
# against Alertmanager's Go module v0.35.0, into the cache folder: with cold caches that takes
# about a minute. It needs Go 1.21 or newer, which fetches Go 1.26 if it is older than that.
set -euo pipefail

if [[ -n "${MATCHERS_BIN:-}" ]]; then
    echo "$MATCHERS_BIN"
    exit
fi

source="$(realpath "$(dirname "$0")")/matchers.go"
version=$(sha256sum "$source" | cut -c1-12)
binary="${XDG_CACHE_HOME:-$HOME/.cache}/opsportal/matchers-0.35.0-$version"
if [[ ! -x "$binary" ]]; then
    PATH="$PATH:/usr/local/go/bin"
    if ! command -v go >/dev/null; then
        echo "Alertmanager's matcher parsers cannot be built: install Go (golang.org/dl), 1.21 or newer" >&2
        exit 1
    fi
    echo "building Alertmanager's matcher parsers into $binary" >&2
    mkdir -p "$(dirname "$binary")"
    # Built inside the module, so that its own go.sum holds for everything that it needs.
    module=$(go mod download -json github.com/prometheus/alertmanager@v0.35.0 |
        sed -n 's/^\t"Dir": "\(.*\)",\{0,1\}$/\1/p')
    CGO_ENABLED=0 go build -C "$module" -o "$binary.$$" "$source" >&2
    mv "$binary.$$" "$binary"
fi
echo "$binary"
