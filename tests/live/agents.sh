#!/usr/bin/env bash
# Prepare agents of others, unmodified, in the cache folder, and print where they are:
#
#   agents.sh python   a folder of programs with EDOT Python
#   agents.sh node     a node_modules with EDOT Node.js and Jaeger's remote sampler
#   agents.sh go       a folder with programs that use opamp-go and Go contrib's jaegerremote
#   agents.sh java     the jar of OpenTelemetry's Java agent
#
# It fails with a sentence if what it needs for that is not installed.
set -euo pipefail

here="$(realpath "$(dirname "$0")")/agents"
cache="${XDG_CACHE_HOME:-$HOME/.cache}/opsportal/agents"
PATH="$PATH:/usr/local/go/bin"
mkdir -p "$cache"

needs() {
    command -v "$1" >/dev/null || { echo "agents of $2 cannot be tried: install $3" >&2; exit 1; }
}

case "$1" in
python)
    made="$cache/python-1.18.0"
    if [[ ! -e $made/done ]]; then
        rm -rf "$made"
        python3 -m venv "$made"
        "$made/bin/pip" install -q "elastic-opentelemetry==1.18.0" >&2
        touch "$made/done"
    fi
    echo "$made/bin"
    ;;
node)
    needs npm Node.js "Node.js 20 or newer, with npm"
    made="$cache/node-1.18.0-0.222.0"
    if [[ ! -e $made/done ]]; then
        npm install --silent --no-audit --no-fund --prefix "$made" \
            @elastic/opentelemetry-node@1.18.0 @opentelemetry/sampler-jaeger-remote@0.222.0 \
            @opentelemetry/api @opentelemetry/exporter-trace-otlp-proto @opentelemetry/resources \
            @opentelemetry/sdk-trace-base @opentelemetry/sdk-trace-node >&2
        touch "$made/done"
    fi
    echo "$made/node_modules"
    ;;
go)
    needs go Go "Go (golang.org/dl), 1.21 or newer, which fetches 1.26"
    made="$cache/go-$(cat "$here"/go/go.mod "$here"/go/*/main.go | sha256sum | cut -c1-12)"
    if [[ ! -e $made/done ]]; then
        mkdir -p "$made"
        CGO_ENABLED=0 go build -C "$here/go" -o "$made/" ./opamp ./remote >&2
        touch "$made/done"
    fi
    echo "$made"
    ;;
java)
    needs mvn Java "Maven and a JDK, 17 or newer"
    made="$cache/java-2.33.1"
    if [[ ! -e $made/done ]]; then
        mkdir -p "$made"
        mvn -q org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy \
            -Dartifact=io.opentelemetry.javaagent:opentelemetry-javaagent:2.33.1 \
            -DoutputDirectory="$made" >&2
        touch "$made/done"
    fi
    echo "$made/opentelemetry-javaagent-2.33.1.jar"
    ;;
esac
