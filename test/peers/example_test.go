package peers

import (
	"bytes"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/fourtwelve/fourtwelve/origin"
	"github.com/fourtwelve/fourtwelve/store/dirstore"
)

// exampleDriver makes a conflict in the example page, and merges. Nothing may lie over a button when it is in the window.
const exampleDriver = `<script type="module">
const told = {};
const $ = (id) => document.getElementById(id);
const until = async (ready) => { for (let i = 0; !ready(); i++) {
	if (i === 600) throw new Error('in vain: ' + ready);
	await new Promise((r) => setTimeout(r, 50));
} };
const wire = () => document.querySelectorAll('#wire li:not(.empty)').length;
const press = async (button, requests) => {
	const before = wire();
	button.focus();
	button.click();
	await until(() => wire() === before + requests);
};
try {
	await until(() => $('text').value !== '');
	$('text').value = $('text').value.replace('For the weekend', 'For Sunday');
	await press($('save-theirs'), 2);
	await press($('save-mine'), 1);
	await until(() => !$('refusal').hidden);
	const first = document.querySelector('#refusal button');
	told.First = first.textContent;
	await press(first, 1);
	await until(() => document.querySelector('#refusal h3')?.textContent.startsWith('Both'));
	await press($('save-mine'), 1);
	await until(() => $('refusal').hidden);
	told.Saved = await (await fetch('notes.json')).text();
	told.Covered = [...document.querySelectorAll('button')].filter((b) => {
		b.scrollIntoView({ block: 'end' });
		const box = b.getBoundingClientRect();
		return !b.contains(document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2));
	}).map((b) => b.textContent);
	told.Wide = document.documentElement.scrollWidth > innerWidth;
} catch (e) { told.Error = String(e); }
await fetch('/told', { method: 'POST', body: JSON.stringify(told) });
</script></body>`

// TestExampleMerges: on a phone, who loses a race in the example page is offered a merge first, and saves both changes; nothing
// covers a button.
func TestExampleMerges(t *testing.T) {
	browser := browserPath(t)
	dir := filepath.Join(t.TempDir(), "site")
	if err := os.CopyFS(dir, os.DirFS("../../examples/site")); err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(filepath.Join(dir, "index.html"))
	if err != nil {
		t.Fatal(err)
	}
	page = bytes.Replace(page, []byte("</body>"), []byte(exampleDriver), 1)
	if err := os.WriteFile(filepath.Join(dir, "index.html"), page, 0o600); err != nil {
		t.Fatal(err)
	}
	files, err := dirstore.Open(dir, dirstore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer files.Close()
	h, err := origin.New(origin.Options{Store: files, Require: origin.RequireOverwrite})
	if err != nil {
		t.Fatal(err)
	}
	got := visit(t, browser, http.Handler(h), "/", "--window-size=500,800")
	const want = `{"First":"Merge both","Saved":"{\n  \"title\": \"For Sunday\",\n  \"items\": [\n    \"bread\",\n    \"apples\",\n    \"coffee\",\n    \"oat milk\"\n  ]\n}\n","Covered":[],"Wide":false}`
	if string(got) != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
}
