#!/usr/bin/env bash
# Puts the program of this action where the next step finds it, and writes `program=PATH` to the
# step's outputs. It is one of these, in this order:
#
#   1. `changegate` on the PATH, if it says that it is the wanted version: for machines without a network;
#   2. the released binary for this platform, if its SHA-256 is the one in `checksums.txt` of this action;
#   3. a build of this action's own source that an earlier run left in `build-cache`, if that is the wanted
#      version and the same source;
#   4. a build of that source now, if cargo is there, with a warning: it takes minutes;
#   5. a release that is not in that table, if GitHub's attestation says who built it.
#
# A download whose sum is wrong ends it: nothing else is tried. Whatever goes wrong fails the step.

set -euo pipefail

fail() {
    printf '::error title=changegate was not installed::%s\n' "$*"
    exit 1
}

here=${GITHUB_ACTION_PATH:-$(cd "$(dirname "$0")/../.." && pwd)}
source_version=$(sed -n 's/^version = "\([^"]*\)"$/\1/p' "$here/Cargo.toml" | head -n 1)
wanted=${CHANGEGATE_VERSION:-$source_version}
wanted=${wanted#v}
case $wanted in
'' | *[!0-9A-Za-z.+-]*) fail "the version cannot be used; give one as in 0.1.0" ;;
esac
folder=${RUNNER_TEMP:-${TMPDIR:-/tmp}}/changegate-$wanted
mkdir -p "$folder"

# Tells the next step where the program is, once it has said that it is the right one.
use() {
    local told
    told=$("$1" --version 2>/dev/null) || fail "the program does not run on this machine: $1"
    [ "$told" = "changegate $wanted" ] || fail "the program is another version than $wanted: $1"
    printf 'changegate %s: %s\n' "$wanted" "$2"
    printf 'program=%s\n' "$1" >>"${GITHUB_OUTPUT:-/dev/stdout}"
    exit 0
}

build() {
    [ "$wanted" = "$source_version" ] || return 0
    # A build is kept only for a source that cannot change: an action that is named by a whole commit.
    local kept=
    case ${CHANGEGATE_SOURCE:-} in
    *[!0-9a-f]* | '') ;;
    *)
        if [ -n "${CHANGEGATE_BUILD_CACHE:-}" ] && [ "${#CHANGEGATE_SOURCE}" -ge 40 ]; then
            kept=$CHANGEGATE_BUILD_CACHE/$wanted-$CHANGEGATE_SOURCE-${RUNNER_OS:-$(uname -s)}-${RUNNER_ARCH:-$(uname -m)}
        fi
        ;;
    esac
    if [ -n "$kept" ] && [ -x "$kept/bin/changegate" ]; then
        use "$kept/bin/changegate" "built from source by an earlier run"
    fi
    command -v cargo >/dev/null || return 0
    printf '::warning title=changegate is built from source::%s\n' \
        "this takes minutes; name the action by the commit of a release, put changegate on the PATH, or set build-cache"
    # The lock file, and nothing in the folder where the job works, says what is built.
    (cd "$here" && cargo install --path "$here" --locked --profile quick --root "${kept:-$folder}" --quiet) ||
        fail "changegate $wanted could not be built"
    use "${kept:-$folder}/bin/changegate" "built from source"
}

found=$(command -v changegate || true)
if [ -n "$found" ] && [ "$("$found" --version 2>/dev/null || true)" = "changegate $wanted" ]; then
    use "$found" "was on the PATH"
fi

# RUNNER_OS and RUNNER_ARCH are what a runner says of itself.
case ${RUNNER_OS:-$(uname -s)}-${RUNNER_ARCH:-$(uname -m)} in
Linux-X64 | Linux-x86_64) target=x86_64-unknown-linux-musl ;;
Linux-ARM64 | Linux-aarch64) target=aarch64-unknown-linux-musl ;;
macOS-X64 | Darwin-x86_64) target=x86_64-apple-darwin ;;
macOS-ARM64 | Darwin-arm64) target=aarch64-apple-darwin ;;
Windows-X64) target=x86_64-pc-windows-msvc ;;
*) target= ;;
esac
if [ -z "$target" ]; then
    build
    fail "there is no binary for ${RUNNER_OS:-this system} on ${RUNNER_ARCH:-this processor}, and no cargo to build one"
fi
file=changegate-$wanted-$target
case $target in *windows*) file=$file.exe ;; esac

# A release's files stand below its tag. An action that is used from a folder has no releases.
releases=${CHANGEGATE_RELEASES:-}
if [ -z "$releases" ] && [ -n "${CHANGEGATE_REPOSITORY:-}" ]; then
    releases=${GITHUB_SERVER_URL:-https://github.com}/$CHANGEGATE_REPOSITORY/releases/download
fi

sum() {
    local told
    if command -v sha256sum >/dev/null; then
        told=$(sha256sum <"$1")
    elif command -v shasum >/dev/null; then
        told=$(shasum -a 256 <"$1")
    else
        fail "neither sha256sum nor shasum is there, so nothing that is downloaded can be trusted"
    fi
    printf '%s' "${told%% *}"
}

download() {
    [ -n "$releases" ] && command -v curl >/dev/null || return 1
    echo "downloading $file"
    # A header on the command line could be seen by every process of the machine.
    local header=
    if [ -n "${CHANGEGATE_RELEASES_TOKEN:-}" ]; then
        header="header = \"Authorization: Bearer $CHANGEGATE_RELEASES_TOKEN\""
    fi
    printf '%s\n' "$header" | curl --config - --fail --silent --show-error --location --retry 3 --max-time 120 \
        --proto '=https,http,file' --proto-redir '=https,http' \
        --output "$folder/$file.part" "$releases/v$wanted/$file" && return 0
    # The releases of a private repository are not at that address, and the API gives them.
    [ -n "${CHANGEGATE_REPOSITORY:-}" ] && command -v gh >/dev/null || return 1
    gh release download "v$wanted" --repo "$CHANGEGATE_REPOSITORY" --pattern "$file" \
        --output "$folder/$file.part" --clobber
}

expected=$(awk -v file="$file" '$2 == file { print $1 }' "$here/checksums.txt" 2>/dev/null || true)
case $expected in
'')
    # Not in the table: a build of the same source is better than trust in what a release says of itself.
    build
    if [ -n "${CHANGEGATE_REPOSITORY:-}" ] && command -v gh >/dev/null && download; then
        gh attestation verify "$folder/$file.part" --repo "$CHANGEGATE_REPOSITORY" \
            --signer-workflow "$CHANGEGATE_REPOSITORY/.github/workflows/release.yml" ||
            fail "no attestation says that $file was built by the release workflow of $CHANGEGATE_REPOSITORY"
        how="downloaded, and attested by GitHub"
    else
        fail "$file is not in checksums.txt of this action, and there is no cargo to build it and no attestation"
    fi
    ;;
*[!0-9a-f]*) fail "checksums.txt has no SHA-256, or more than one, for $file" ;;
*)
    [ "${#expected}" -eq 64 ] || fail "checksums.txt has no SHA-256 for $file"
    if ! download; then
        build
        fail "$file could not be downloaded, and there is no cargo to build it"
    fi
    actual=$(sum "$folder/$file.part")
    if [ "$actual" != "$expected" ]; then
        rm -f "$folder/$file.part"
        fail "$file has the SHA-256 $actual, and checksums.txt says $expected"
    fi
    how="downloaded, with the SHA-256 in checksums.txt"
    ;;
esac
mv -f "$folder/$file.part" "$folder/$file"
chmod 755 "$folder/$file"
use "$folder/$file" "$how"
