# /etc/fstab, read by mount(8) at boot or by hand: it hands its own options on and hardly any
# environment, and has finished when the files are there.

. "${0%/*}/common.sh"

gocryptfs=$(command -v gocryptfs)
mv "$passfile" "$BASE/pass file"
cat >"$BASE/fstab" <<END
$cipher $plain fuse.$gocryptfs rw,nofail,noauto,_netdev,x-systemd.automount,allow_other,passfile=$BASE/pass\\040file 0 0
END
env -i mount -T "$BASE/fstab" "$plain" >"$BASE/log"
mounted_from "$cipher"
case ,$(mount_options), in *,nosuid,*) fail "nosuid although fstab allows suid" ;; esac
case ,$(mount_options), in *,allow_other,*) ;; *) fail "not allow_other" ;; esac
has_letter
unmount_by umount

mount -t "fuse.$gocryptfs" "$cipher" "$plain" \
    -o "ro,nosuid,nodev,noexec,quiet,extpass=cat,extpass=$BASE/pass file"
mounted_from "$cipher"
case $(mount_options) in ro,*) ;; *) fail "not read-only" ;; esac
for option in nosuid nodev noexec; do
    case ,$(mount_options), in *,$option,*) ;; *) fail "not $option" ;; esac
done
[ "$(cat "$plain/letter")" = "Dear Ada" ] || fail "the letter is not there"
unmount_by umount

! mount -t "fuse.$gocryptfs" "$cipher" "$plain" -o password=unsafe 2>"$BASE/log" ||
    fail "an unknown option mounts"
grep -qF "unknown flag: --password" "$BASE/log" || fail "$(cat "$BASE/log")"
