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
mkdir mnt/work
printf 'first\n' > mnt/work/a.txt
test "$(cat mnt/work/a.txt)" = first
printf 'second\n' >> mnt/work/a.txt
test "$(cat mnt/work/a.txt)" = "$(printf 'first\nsecond')"
mv mnt/work/a.txt mnt/work/b.txt
sync mnt/work/b.txt
test "$(curl -sf "$URL/work/b.txt")" = "$(printf 'first\nsecond')"
rm mnt/work/b.txt
rmdir mnt/work
