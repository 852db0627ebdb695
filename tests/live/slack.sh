#!/usr/bin/env bash
# Prepare what others use to write programs for Slack, in the cache folder, and print where it is:
#
#   slack.sh python   a Python with Bolt
#   slack.sh node     a node_modules with Bolt and its Socket Mode client
#   slack.sh go       a program with slack-go
#
# It fails with a sentence if what it needs for that is not installed.
set -euo pipefail

here="$(realpath "$(dirname "$0")")/slack"
cache="${XDG_CACHE_HOME:-$HOME/.cache}/opsportal/slack"
PATH="$PATH:/usr/local/go/bin"
mkdir -p "$cache"

missing() {
    echo "$1 cannot be tried: install $2" >&2
    exit 1
}

case "$1" in
python)
    made="$cache/python-1.30.0"
    if [[ ! -e $made/done ]]; then
        rm -rf "$made"
        python3 -m venv "$made"
        "$made/bin/pip" install -q "slack-bolt==1.30.0" >&2
        touch "$made/done"
    fi
    echo "$made/bin/python"
    ;;
node)
    command -v npm >/dev/null && node --eval 'process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)' ||
        missing "Bolt for JavaScript" "Node.js 20 or newer, with npm"
    made="$cache/node-5.1.0"
    if [[ ! -e $made/done ]]; then
        npm install --silent --no-audit --no-fund --prefix "$made" @slack/bolt@5.1.0 >&2
        touch "$made/done"
    fi
    echo "$made/node_modules"
    ;;
go)
    command -v go >/dev/null || missing slack-go "Go (golang.org/dl), 1.21 or newer, which fetches 1.26"
    made="$cache/go-$(cat "$here"/go/go.mod "$here"/go/main.go | sha256sum | cut -c1-12)"
    if [[ ! -x $made ]]; then
        CGO_ENABLED=0 go build -C "$here/go" -o "$made.$$" . >&2
        mv "$made.$$" "$made"
    fi
    echo "$made"
    ;;
esac
