# LibreOffice opens, locks, saves, saves under another name, and meets somebody else's lock.
# Python's module uno is that of the system.
python=/usr/bin/python3
soffice --headless --norestore --nologo "-env:UserInstallation=file://$PWD/profile" \
  "--accept=pipe,name=fourtwelve$$;urp;" >office.log 2>&1 &
office=$!
trap 'kill $office 2>/dev/null || true; wait $office 2>/dev/null || true' EXIT
export PIPE=fourtwelve$$
cat > work.py <<'WORK'
import os, time, urllib.request
import uno
from com.sun.star.beans import PropertyValue

at = "vnd.sun.star.webdav://" + os.environ["HOST"]
url = os.environ["URL"]

def properties(**values):
    return tuple(PropertyValue(Name=k, Value=v) for k, v in values.items())

def desktop():
    local = uno.getComponentContext()
    resolver = local.ServiceManager.createInstanceWithContext("com.sun.star.bridge.UnoUrlResolver", local)
    for _ in range(300):
        try:
            context = resolver.resolve("uno:pipe,name=%s;urp;StarOffice.ComponentContext" % os.environ["PIPE"])
            return context.ServiceManager.createInstanceWithContext("com.sun.star.frame.Desktop", context)
        except Exception:
            time.sleep(0.1)
    raise SystemExit("LibreOffice does not start")

def status(method, path, **fields):
    request = urllib.request.Request(url + path, method=method, headers=fields)
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code

office = desktop()
document = office.loadComponentFromURL("private:factory/swriter", "_blank", 0, properties(Hidden=True))
document.Text.setString("first")
document.storeAsURL(at + "/letter.odt", properties())
# While it is open, nobody else writes.
assert status("DELETE", "/letter.odt") == 423
document.Text.setString("second")
document.store()
document.close(True)
document = office.loadComponentFromURL(at + "/letter.odt", "_blank", 0, properties(Hidden=True))
assert document.Text.getString() == "second", document.Text.getString()
document.Text.setString("third")
document.storeAsURL(at + "/other.odt", properties())
document.close(True)
assert status("DELETE", "/letter.odt", **{"If-Match": "*"}) == 204, "the lock is gone with the document"
assert status("GET", "/other.odt") == 200

# Somebody else has it open: what is written here does not arrive there.
info = b"""<D:lockinfo xmlns:D="DAV:"><D:lockscope><D:exclusive/></D:lockscope><D:locktype><D:write/></D:locktype><D:owner>bob</D:owner></D:lockinfo>"""
urllib.request.urlopen(urllib.request.Request(url + "/other.odt", info, {"Depth": "0"}, method="LOCK")).read()
before = urllib.request.urlopen(url + "/other.odt").read()
document = None
try:
    document = office.loadComponentFromURL(at + "/other.odt", "_blank", 0, properties(Hidden=True))
    if document is not None:
        assert document.isReadonly(), "it is locked by somebody else, and opened for writing"
        document.Text.setString("fourth")
        document.store()
        raise SystemExit("it was saved over somebody else's lock")
except Exception as error:
    print("refused:", type(error).__name__)
assert urllib.request.urlopen(url + "/other.odt").read() == before
try:
    office.terminate()
except Exception:
    pass
print("done", flush=True)
os._exit(0)  # uno crashes at the end of the interpreter
WORK
timeout 120 "$python" work.py | tee out.txt
grep -q done out.txt
