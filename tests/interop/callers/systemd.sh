# A unit with Type=forking, ExecStart=/usr/bin/gocryptfs … and ExecStop=fusermount -u …: hardly any
# environment, nothing to read, and a program that stays once its parent has ended.

. "${0%/*}/common.sh"

gocryptfs=$(command -v gocryptfs)
(cd / && env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 \
    "$gocryptfs" -passfile "$passfile" -ro "$cipher" "$plain" </dev/null >"$BASE/log" 2>&1)
mounted_from "$cipher"
case $(mount_options) in ro,*) ;; *) fail "not read-only" ;; esac
[ "$(cat "$plain/letter")" = "Dear Ada" ] || fail "the letter is not there"
unmount_by fusermount -u

# The same with Type=simple: it stays in the foreground, and ends with 0 once it is unmounted.
"$gocryptfs" -fg -passfile="$passfile" "$cipher" "$plain" </dev/null >"$BASE/log" 2>&1 &
service=$!
until [ -e "$plain/letter" ]; do
    kill -0 $service || fail "it ended: $(cat "$BASE/log")"
    sleep 0.05
done
has_letter
unmount_by fusermount -u
wait $service || fail "it ended with $?"
