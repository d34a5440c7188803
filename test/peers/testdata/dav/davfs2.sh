# A mount: files are made, changed, renamed and deleted as on a disk. davfs2 locks, and sends If-Match.
mkdir mnt
cat > davfs.conf <<CONF
ask_auth 0
delay_upload 0
dir_refresh 0
file_refresh 0
CONF
mount -t davfs -o "uid=0,conf=$PWD/davfs.conf" "$URL/" mnt </dev/null
trap 'umount mnt' EXIT
mkdir mnt/papers
printf 'first\n' > mnt/papers/a.txt
test "$(cat mnt/papers/a.txt)" = first
printf 'second\n' >> mnt/papers/a.txt
test "$(cat mnt/papers/a.txt)" = "$(printf 'first\nsecond')"
mv mnt/papers/a.txt mnt/papers/b.txt
sync mnt/papers/b.txt
test "$(curl -sf "$URL/papers/b.txt")" = "$(printf 'first\nsecond')"
rm mnt/papers/b.txt
rmdir mnt/papers
