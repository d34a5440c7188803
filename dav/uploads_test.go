package dav_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/fourtwelve/fourtwelve/dav"
	"github.com/fourtwelve/fourtwelve/internal/transcript"
	"github.com/fourtwelve/fourtwelve/origin"
	"github.com/fourtwelve/fourtwelve/store/memstore"
)

// TestDeleteAfterAFailedPut: rclone deletes what it takes for the rest of an upload that failed. Nothing of that is there, and what is
// there was there before.
func TestDeleteAfterAFailedPut(t *testing.T) {
	tooLong := strings.Repeat("x", 101)
	for _, c := range []struct {
		name, there, upload string
		after               time.Duration
		fields              []string
		want                int
	}{
		{"rclone", "old", tooLong, time.Second, nil, 428},
		{"a PUT that went well", "old", "new", time.Second, nil, 204},
		{"a while later", "old", tooLong, 10 * time.Second, nil, 204},
		{"by somebody else", "old", tooLong, time.Second, []string{"User-Agent", "cadaver"}, 204},
		{"by somebody who says what is there", "old", tooLong, time.Second, []string{"If-Match", "*"}, 204},
		{"an empty file, as Explorer makes one first", "", tooLong, time.Second, nil, 204},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, clock := memstore.New(memstore.Options{}), transcript.NewClock()
			h := newHandler(t, s, func(o *dav.Options) {
				o.Require, o.Origin.MaxBody, o.Origin.Now = origin.RequireNever, 100, clock.Now
			})
			put(t, s, "a.txt", c.there)
			ask(h, "PROPFIND", "/", "", "Depth", "1", "User-Agent", "rclone")
			ask(h, "PROPFIND", "/", "", "Depth", "1", "User-Agent", "cadaver")
			ask(h, http.MethodPut, "/a.txt", c.upload, "User-Agent", "rclone")
			clock.Wait(c.after)
			w := ask(h, http.MethodDelete, "/a.txt", "", append([]string{"User-Agent", "rclone"}, c.fields...)...)
			if w.Code != c.want {
				t.Errorf("DELETE: %d, want %d\n%s", w.Code, c.want, w.Body)
			}
			if kept := ask(h, http.MethodGet, "/a.txt", "").Code == 200; kept != (c.want == 428) {
				t.Errorf("it is there: %v", kept)
			}
		})
	}
}
