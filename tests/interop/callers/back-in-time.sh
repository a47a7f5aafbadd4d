# Back In Time (common/gocryptfstools.py): the password comes from a program, which finds it through
# the environment; output and errors are one pipe that is read to its end.

. "${0%/*}/common.sh"

cat >"$BASE/askpass" <<'END'
#!/bin/sh
cat "$ASKPASS_TEMP"
END
chmod +x "$BASE/askpass"
PATH=$BASE:$PATH
export PATH ASKPASS_TEMP="$passfile"

mkdir "$BASE/new"
gocryptfs -extpass askpass -init "$BASE/new" 2>&1 | cat >"$BASE/log"
[ -f "$BASE/new/gocryptfs.conf" ] || fail "no config: $(cat "$BASE/log")"
gocryptfs -extpass askpass -quiet "$cipher" "$plain" 2>&1 | cat >"$BASE/log"
mounted_from "$cipher"
has_letter
unmount_by fusermount -u

printf 'notes\n' >"$BASE/source/notes"
gocryptfs -extpass askpass -quiet -reverse -init "$BASE/source" 2>&1 | cat >"$BASE/log"
gocryptfs -extpass askpass -quiet -reverse "$BASE/source" "$plain" 2>&1 | cat >"$BASE/log"
grep -qF "$BASE/source $plain fuse.gocryptfs-reverse ro," /proc/self/mounts || fail "not mounted"
[ "$(ls "$plain" | wc -l)" = 3 ] || fail "the encrypted view has: $(ls "$plain")"
unmount_by fusermount -u
