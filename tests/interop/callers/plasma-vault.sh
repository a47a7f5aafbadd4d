# Plasma Vault (kded/engine/backends/gocryptfs): wants 1.8 or newer in what stands before the first
# semicolon, types the password twice for a new vault, and never closes the standard input.

. "${0%/*}/common.sh"

shown=$(gocryptfs --version 2>&1)
shown=${shown%%;*}
case $shown in gocryptfs*) ;; *) fail "version: $shown" ;; esac
version=$(echo "$shown" | grep -Eo '[0-9]+[.][0-9]+' | head -n1)
[ "$(printf '%s\n' 1.8 "$version" | sort -V | head -n1)" = 1.8 ] || fail "version $version"

mkfifo "$BASE/stdin"
exec 3<>"$BASE/stdin"
mkdir "$BASE/new"
printf '%s\n%s\n' "$password" "$password" >&3
gocryptfs -init "$BASE/new" <&3 >/dev/null
[ -f "$BASE/new/gocryptfs.conf" ] || fail "no config"
# The second copy of the password was not needed, and is not for the program that comes next.
read -r _ <&3

printf '%s\n' "$password" >&3
gocryptfs "$cipher" "$plain" <&3 >"$BASE/log"
mounted_from "$cipher"
has_letter
unmount_by fusermount -u
