# SiriKali (src/engines/gocryptfs.cpp): believes the version in the second word, gives the password
# once and without a newline, names the source itself, and finds its volumes by type in the table.

. "${0%/*}/common.sh"

version=$(gocryptfs --version | cut -d' ' -f2 | tr -d 'v;' | sed 's/[^0-9.].*//')
[ "$(printf '%s\n' 1.2.1 "$version" | sort -V | head -n1)" = 1.2.1 ] || fail "version $version"

mkdir "$BASE/new"
printf %s "$password" | gocryptfs -q -config "$BASE/new.conf" --init -aessiv -plaintextnames "$BASE/new"
gocryptfs -info --config "$BASE/new.conf" "$BASE/new" >/dev/null

printf %s "$password" |
    gocryptfs -q -idle 10m "$cipher" "$plain" -o rw,fsname=gocryptfs@"$cipher",noexec
mounted_from "gocryptfs@$cipher"
case ,$(mount_options), in *,noexec,*) ;; *) fail "not noexec" ;; esac
has_letter
unmount_by fusermount -u

status=0
printf wrong | gocryptfs -q "$cipher" "$plain" -o ro,fsname=gocryptfs@"$cipher" \
    2>"$BASE/log" || status=$?
[ $status = 12 ] || fail "a wrong password ends with $status"
grep -qF "Password incorrect." "$BASE/log" || fail "a wrong password is not called that"
