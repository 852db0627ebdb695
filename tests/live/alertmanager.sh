#!/usr/bin/env bash
# Print the folder with the `alertmanager` and `amtool` that the live tests use.
#
# ALERTMANAGER_BIN names one that is there already. Otherwise release 0.35.0 is built once, from
# its Go module, into the cache folder: with cold caches that takes about two minutes. It needs
# Go 1.21 or newer, which fetches Go 1.26 if it is older than that.
set -euo pipefail

if [[ -n "${ALERTMANAGER_BIN:-}" ]]; then
    echo "$ALERTMANAGER_BIN"
    exit
fi

folder="${XDG_CACHE_HOME:-$HOME/.cache}/opsportal/alertmanager-0.35.0"
if [[ ! -x "$folder/alertmanager" ]]; then
    PATH="$PATH:/usr/local/go/bin"
    if ! command -v go >/dev/null; then
        echo "Alertmanager cannot be built: install Go (golang.org/dl), 1.21 or newer" >&2
        exit 1
    fi
    echo "building Alertmanager 0.35.0 into $folder" >&2
    mkdir -p "$(dirname "$folder")"
    module=$(go mod download -json github.com/prometheus/alertmanager@v0.35.0 |
        sed -n 's/^\t"Dir": "\(.*\)",\{0,1\}$/\1/p')
    # The module lacks its web pages, which the program embeds; the API needs none.
    copy=$(mktemp -d)
    trap 'rm -rf "$copy"' EXIT
    cp -r --no-preserve=mode "$module/." "$copy"
    mkdir "$copy/ui/app/dist"
    touch "$copy/ui/app/dist/index.html"
    mkdir "$copy/built"
    CGO_ENABLED=0 go build -C "$copy" -o built/ ./cmd/alertmanager ./cmd/amtool >&2
    mv "$copy/built" "$folder"
fi
echo "$folder"
