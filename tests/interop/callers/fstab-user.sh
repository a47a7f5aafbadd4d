# An ordinary user mounts a line of /etc/fstab that says `user`: mount(8) runs with the rights of
# root and gives them up before it starts the program.

. "${0%/*}/common.sh"

mount "$plain" >"$BASE/log"
mounted_from "$cipher"
for option in nosuid nodev noexec "user_id=$(id -u)"; do
    case ,$(mount_options), in *,$option,*) ;; *) fail "not $option" ;; esac
done
has_letter
unmount_by umount
