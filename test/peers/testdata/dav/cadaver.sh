# A day's work with cadaver: folders, files, locks, properties.
printf 'first\n' > a.txt
printf 'second\n' > b.txt
cadaver "$URL/" > out.txt <<'COMMANDS'
mkcol papers
cd papers
put a.txt
lock a.txt
put b.txt a.txt
propset a.txt colour blue
unlock a.txt
copy a.txt c.txt
move c.txt d.txt
propget d.txt colour
ls
get d.txt got.txt
delete d.txt
cd ..
rmcol papers
ls
quit
COMMANDS
cmp b.txt got.txt
grep -q 'Value of colour is: blue' out.txt
# What was uploaded just now is listed with its size and date.
grep -Eq 'a\.txt +7 +[A-Z]' out.txt
! grep -iE 'error|failed' out.txt
