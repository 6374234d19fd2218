#!/bin/sh
# SPDX-License-Identifier: MIT
#
# bare.sh - runs the two commands on Debian 12 systems that have nothing installed:
# as root, with sudo, without sudo, and without network; and checks how they end and
# what they say.  By hand, as root, on a machine with debootstrap:
#
#   tests/bare.sh [CASE...]       root sudo nosudo offline, all by default
#
# The systems live in build/bare (or $BARE_DIR) and are made from the mirror
# that this machine's own apt uses.  The last line is `N passed, N failed`.

cd "$(dirname "$0")/.." || exit 2
dir=${BARE_DIR:-$PWD/build/bare}
passed=0 failed=0

die() { echo "bare.sh: $1" >&2; exit 2; }

[ "$(id -u)" -eq 0 ] || die 'needs root, for debootstrap and chroot'
command -v debootstrap >/dev/null || die 'needs debootstrap: apt-get install -y debootstrap'

# The first Debian archive (not its security updates) among apt's sources.
mirror() {
    lists=/etc/apt/sources.list
    cat $lists $lists.d/*.list $lists.d/*.sources 2>/dev/null |
        awk '/^(deb|URIs:)/ { for (i = 2; i <= NF; i++)
                                  if ($i ~ /^https?:.*\/debian\/?$/) { print $i; exit } }'
}

make_base() {
    [ -f "$dir/base/made" ] && return
    from=$(mirror)
    [ -n "$from" ] || die 'no Debian archive in /etc/apt'
    rm -rf "$dir/base" && mkdir -p "$dir"
    echo 'making a bare system'
    debootstrap --variant=minbase bookworm "$dir/base" "$from" >"$dir/debootstrap.log" 2>&1 ||
        die "debootstrap failed, see $dir/debootstrap.log"
    # What this machine needs to reach the archive: proxies and the like.
    apt-config dump | grep -E '^Acquire::(https?::|Check-)' >"$dir/base/etc/apt/apt.conf.d/10host"
    cp /etc/resolv.conf "$dir/base/etc/resolv.conf"
    chroot "$dir/base" useradd -m dev
    touch "$dir/base/made"
}

# fresh CASE: a new system with the source in it, as unpacked from a tarball.
fresh() {
    system=$dir/$1
    rm -rf "$system" && cp -a "$dir/base" "$system" && mkdir "$system/home/dev/spool"
    tar -cf - --exclude=./build --exclude=./.git . | tar -xf - -C "$system/home/dev/spool"
    chroot "$system" chown -R "$2" /home/dev/spool
}

# inside USER ISOLATION COMMAND: its output in $out, its status returned.  In a silent
# network packets vanish, where in none at all sending them fails at once.
inside() {
    # shellcheck disable=SC2016
    silent=${silent:-} timeout 1500 unshare --mount ${2:+"$2"} sh -c '
        [ -z "$silent" ] || { ip link set lo up && ip route add default dev lo; }
        mount -t proc proc "$1/proc" && mount --rbind /dev "$1/dev" &&
            exec chroot "$1" su "$2" -c "cd / && $3"' - "$system" "$1" "$3" </dev/null >"$out" 2>&1
}

# expect WHAT STATUS PATTERN USER ISOLATION COMMAND
expect() {
    what=$1 status=$2 pattern=$3
    shift 3
    out=$dir/$(echo "$what" | tr -c 'a-z0-9\n' '-').log
    began=$(date +%s)
    inside "$@"
    got=$?
    took=$(($(date +%s) - began))
    if [ $got -eq "$status" ] && grep -q -E -e "$pattern" "$out"; then
        echo "ok $what: exit $got after $took s: $(grep -E -e "$pattern" "$out" | tail -n 1)"
        passed=$((passed + 1))
    else
        echo "not ok $what: exit $got after $took s, expected $status and /$pattern/; see $out"
        tail -n 5 "$out" | sed 's/^/    /'
        failed=$((failed + 1))
    fi
}

# hold WHAT COMMAND...: something that must be true afterwards.
hold() {
    what=$1
    shift
    if "$@"; then echo "ok $what"; passed=$((passed + 1))
    else echo "not ok $what"; failed=$((failed + 1)); fi
}

installs_and_builds_nothing() { ! grep -q -E '^installing|^\[[0-9]+/[0-9]+\]' "$out"; }
only_build_is_new() {
    (cd "$system/home/dev/spool" &&
        find . -path ./build -prune -o -newer "$dir/mark" -type f -print) | grep . && return 1
    return 0
}

quick=/home/dev/spool/examples/quickstart.sh
tests=/home/dev/spool/tests/run.sh
install='cd /home/dev/spool && meson setup build/plain && DESTDIR=/tmp meson install -C build/plain'
below='bits per byte.*below'
counted='^[0-9]+ passed, 0 failed, [0-9]+ skipped$'
sentence='^Missing: .*an administrator types: apt-get update && apt-get install -y .*meson'

as_root() {
    fresh root root
    touch "$dir/mark" && sleep 1
    expect 'root: quickstart' 0 "$below" root '' $quick
    expect 'root: quickstart again' 0 "$below" root '' $quick
    hold 'root: the second quickstart installs and builds nothing' installs_and_builds_nothing
    expect 'root: meson install without Check' 0 '^Installing .*libspool.a' root '' "$install"
    expect 'root: run' 0 "$counted" root '' $tests
    expect 'root: run fast' 0 "$counted" root '' "$tests fast"
    hold 'root: nothing is written outside build' only_build_is_new
    # What is present is used: no root, no network, nothing to install.
    chroot "$system" chown -R dev /home/dev/spool
    expect 'root: then run fast as a user offline' 0 "$counted" dev --net "$tests fast"
}

with_sudo() {
    fresh sudo dev
    chroot "$system" sh -c 'apt-get update && apt-get install -y --no-install-recommends sudo' \
        >"$dir/sudo.log" 2>&1 || die "no sudo could be installed, see $dir/sudo.log"
    echo 'dev ALL=(ALL) NOPASSWD: ALL' >"$system/etc/sudoers.d/dev"
    expect 'sudo: quickstart' 0 "$below" dev '' $quick
    expect 'sudo: run' 0 "$counted" dev '' $tests
    echo 'dev ALL=(ALL) ALL' >"$system/etc/sudoers.d/dev"
    chroot "$system" dpkg --purge --force-depends check >/dev/null 2>&1
    expect 'sudo that asks for a password: run' 2 "$sudoless" dev '' $tests
}
sudoless='^Missing: Check, .*takes root or sudo.*apt-get install -y check$'

without_sudo() {
    fresh nosudo dev
    expect 'no sudo: quickstart' 2 "$sentence" dev '' $quick
    expect 'no sudo: run' 2 "$sentence" dev '' $tests
    hold 'no sudo: one sentence' test "$(wc -l <"$out")" -eq 1
}

offline() {
    fresh offline root
    expect 'offline: quickstart' 2 "$sentence" root --net $quick
    expect 'offline: run' 2 "$sentence" root --net $tests
    hold 'offline: says that no server answers' grep -q 'no package server answers' "$out"
    silent=1
    expect 'silent network: run' 2 "$sentence" root --net $tests
    hold 'silent network: gives up after two tries of 30 s' test "$took" -le 70
    silent=''
}

make_base
[ $# -gt 0 ] || set -- root sudo nosudo offline
for case in "$@"; do
    case $case in
    root) as_root ;;
    sudo) with_sudo ;;
    nosudo) without_sudo ;;
    offline) offline ;;
    *) die "no case named $case" ;;
    esac
    rm -rf "${dir:?}/$case"
done
echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
