# What the callers share. They are run with BASE, a directory of their own, in the environment;
# `gocryptfs` on PATH is the program that they are to get on with.

set -eu
cipher=$BASE/cipher plain=$BASE/plain passfile=$BASE/passfile
password=$(cat "$passfile")

fail() {
    echo "$0: $*" >&2
    exit 1
}

# mount_options: print the options that the mount table has for $plain.
mount_options() {
    awk -v place="$plain" '$2 == place { print $4 }' /proc/self/mounts
}

# mounted_from SOURCE: the caller finds its mount in the table, by type and source.
mounted_from() {
    grep -qF "$1 $plain fuse.gocryptfs " /proc/self/mounts || fail "not mounted from $1"
}

# has_letter: what the real program sealed is there to be read, and there is room for more.
has_letter() {
    [ "$(cat "$plain/letter")" = "Dear Ada" ] || fail "the letter is not there"
    echo answer >"$plain/answer"
    [ "$(cat "$plain/answer")" = answer ] || fail "the answer is not there"
    rm "$plain/answer"
}

# unmount_by COMMAND...: the mount goes away, at once or when its program has settled.
unmount_by() {
    tries=0
    until "$@" "$plain" 2>"$BASE/unmount.log"; do
        tries=$((tries + 1))
        [ $tries -lt 100 ] || fail "not unmounted: $(cat "$BASE/unmount.log")"
        sleep 0.05
    done
    [ -z "$(mount_options)" ] || fail "still in the mount table"
}
