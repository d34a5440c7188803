# sitecopy brings a site up to date.
mkdir -m 700 .sitecopy
cat > .sitecopyrc <<RC
site test
  server ${HOST%:*}
  port ${HOST#*:}
  protocol webdav
  local $PWD/site
  remote /site/
RC
chmod 600 .sitecopyrc
mkdir -p site/sub
echo one > site/one.txt
echo two > site/sub/two.txt
curl -sf -X MKCOL "$URL/site/"
sitecopy --init test
sitecopy --update test
test "$(curl -sf "$URL/site/sub/two.txt")" = two
echo three > site/one.txt
rm -r site/sub
sitecopy --update test
test "$(curl -sf "$URL/site/one.txt")" = three
test "$(curl -s -o /dev/null -w '%{http_code}' "$URL/site/sub/")" = 404
