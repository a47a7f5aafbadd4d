# pam_mount, with <volume fstype="fuse" path="gocryptfs#DIR" options="nodev,nosuid,quiet">: it runs
# mount.fuse as the user who logs in, and writes the login password without a newline.

. "${0%/*}/common.sh"
PATH=$PATH:/usr/sbin:/sbin

printf %s "$password" | mount.fuse "gocryptfs#$cipher" "$plain" -o nodev,nosuid,quiet
mounted_from "$cipher"
case ,$(mount_options), in *,nosuid,nodev,*) ;; *) fail "not nosuid,nodev" ;; esac
has_letter
unmount_by umount

status=0
printf 'another password' |
    mount.fuse "gocryptfs#$cipher" "$plain" -o nodev,nosuid,quiet 2>/dev/null || status=$?
[ $status = 12 ] || fail "a wrong password ends with $status"
