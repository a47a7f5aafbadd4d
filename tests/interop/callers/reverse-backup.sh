# A nightly backup: a plain directory is shown encrypted for the time of the copy, without what is
# not worth it, and the copy alone is enough to restore from.

. "${0%/*}/common.sh"

cd "$BASE"
mkdir source/torrent source/usenet source/photos copy
echo "Dear Ada" >source/letter
echo large >source/torrent/film
echo large >source/usenet/post
echo small >source/photos/one
gocryptfs --reverse --init --scryptn 10 --quiet --passfile "$passfile" source
gocryptfs --reverse --passfile "$passfile" --exclude torrent --exclude usenet "$BASE/source" "$plain"
cp -a "$plain/." copy/
unmount_by umount

gocryptfs --passfile "$passfile" copy "$plain"
has_letter
[ "$(cat "$plain/photos/one")" = small ] || fail "a photo is not there"
[ ! -e "$plain/torrent" ] && [ ! -e "$plain/usenet" ] || fail "what was left out is there"
unmount_by umount
