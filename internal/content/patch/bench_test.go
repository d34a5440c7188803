package patch

import (
	"fmt"
	"strings"
	"testing"
)

// table of n rows, about 60 bytes each.
func tableOf(n int) string {
	rows := make([]string, n)
	for i := range rows {
		rows[i] = fmt.Sprintf(`{"id":%d,"name":"row number %d","value":%d.5,"ok":true}`, i, i, i*3)
	}
	return `{"rows":[` + strings.Join(rows, ",") + `]}`
}

func BenchmarkMergePatch(b *testing.B) {
	benchmark(b, func(doc string) error {
		_, err := MergePatch([]byte(doc), []byte(`{"title":"new"}`))
		return err
	})
}

func BenchmarkJSONPatch(b *testing.B) {
	benchmark(b, func(doc string) error {
		_, err := JSONPatch([]byte(doc), []byte(`[{"op":"replace","path":"/rows/1/ok","value":false}]`))
		return err
	})
}

func BenchmarkChangesJSON(b *testing.B) {
	benchmark(b, func(doc string) error {
		_, ok := Changes("application/json", []byte(doc), []byte(strings.Replace(doc, "row number 1", "changed", 1)))
		if !ok {
			return fmt.Errorf("nothing to say")
		}
		return nil
	})
}

// BenchmarkChangesText compares texts of which every line differs.
func BenchmarkChangesText(b *testing.B) {
	before, after := strings.Repeat("a\n", maxLines/2), strings.Repeat("b\n", maxLines/2)
	b.ReportAllocs()
	b.SetBytes(int64(len(before)))
	for b.Loop() {
		Changes("text/plain", []byte(before), []byte(after))
	}
}

func benchmark(b *testing.B, f func(doc string) error) {
	for _, rows := range []int{10, 3000} {
		doc := tableOf(rows)
		b.Run(fmt.Sprintf("%dB", len(doc)), func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(doc)))
			for b.Loop() {
				if err := f(doc); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
