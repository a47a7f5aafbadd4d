# Vaults for GNOME (src/backend/gocryptfs.rs): options first, then "--"; it reads the output to its
# end before it looks at the exit code, so a daemon that kept the pipe would hang it.

. "${0%/*}/common.sh"

mkdir "$BASE/new"
shown=$(printf '%s\n%s\n' "$password" "$password" | gocryptfs --init -q -- "$BASE/new")
[ -z "$shown" ] || fail "a quiet program said: $shown"
shown=$(printf '%s\n' "$password" | gocryptfs -q -- "$cipher" "$plain")
[ -z "$shown" ] || fail "a quiet program said: $shown"
mounted_from "$cipher"
has_letter
unmount_by umount

touch "$plain/in the way"
status=0
printf '%s\n' "$password" | gocryptfs -q -- "$cipher" "$plain" 2>/dev/null || status=$?
[ $status = 10 ] || fail "a mount point that is not empty ends with $status"
