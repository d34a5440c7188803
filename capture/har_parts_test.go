package capture

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"
)

// TestPartsOfHAR: a log, its entries or one of them, as people copy them out of an archive, are read
// like the archive.
func TestPartsOfHAR(t *testing.T) {
	for _, file := range []string{"testdata/har/chromium.har", "testdata/har/firefox.har"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var whole struct {
			Log json.RawMessage
		}
		var log struct {
			Entries []json.RawMessage
		}
		if err := json.Unmarshal(bytes.TrimPrefix(text, []byte("\xef\xbb\xbf")), &whole); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(whole.Log, &log); err != nil {
			t.Fatal(err)
		}
		entries, err := json.MarshalIndent(log.Entries, "", "\t")
		if err != nil {
			t.Fatal(err)
		}
		want := readPart(t, file, text)
		for name, part := range map[string][]byte{"the log": whole.Log, "its entries": entries} {
			if got := readPart(t, file+", "+name, part); !bytes.Equal(got, want) {
				t.Errorf("%s, %s\ngot:\n%s\nwant:\n%s", file, name, got, want)
			}
		}
		var all []json.RawMessage
		if err := json.Unmarshal(want, &all); err != nil || len(all) == 0 {
			t.Fatal(err, len(all))
		}
		if got := readPart(t, file+", an entry", log.Entries[0]); string(got) != "["+string(all[0])+"]" {
			t.Errorf("%s, an entry\ngot:\n%s\nwant:\n%s", file, got, all[0])
		}
	}
}

// readPart returns what is asked and answered in the exchanges of a document, as JSON.
func readPart(t *testing.T, name string, document []byte) []byte {
	t.Helper()
	list, err := Read(bytes.NewReader(document), name, Options{})
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	type told struct {
		Request  Request
		Response Response
	}
	var all []told
	for _, x := range list {
		all = append(all, told{x.Request, x.Response})
	}
	out, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestKeyLog: whoever gives the keys of TLS in place of the capture is told what to give.
func TestKeyLog(t *testing.T) {
	const keys = "# SSL/TLS secrets log file\nCLIENT_RANDOM 52340c8559 aa01\nCLIENT_TRAFFIC_SECRET_0 52340c8559 bb02\n"
	_, err := Read(strings.NewReader(keys), "keys.txt", Options{})
	if err == nil || !strings.Contains(err.Error(), "a key log of TLS") || !strings.Contains(err.Error(), "tls.keylog_file") {
		t.Errorf("got %v, want what to give instead", err)
	}
}
