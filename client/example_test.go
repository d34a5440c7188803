package client_test

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"

	"github.com/fourtwelve/fourtwelve/client"
	"github.com/fourtwelve/fourtwelve/merge"
	"github.com/fourtwelve/fourtwelve/origin"
	"github.com/fourtwelve/fourtwelve/store/memstore"
)

// exampleServer is a server with one note.
func exampleServer() *httptest.Server {
	h, err := origin.New(origin.Options{Store: memstore.New(memstore.Options{})})
	if err != nil {
		panic(err)
	}
	s := httptest.NewServer(h)
	if _, err := new(client.Client).Create(context.Background(), s.URL+"/note.txt", client.Text("milk\n")); err != nil {
		panic(err)
	}
	return s
}

// Read, change, write: no matter who else writes at the same time, each line is there at the end.
func ExampleClient_Update() {
	s := exampleServer()
	defer s.Close()
	c := &client.Client{}

	written, err := c.Update(context.Background(), s.URL+"/note.txt", func(old client.Representation) (client.Content, error) {
		return client.Text(string(old.Content) + "bread\n"), nil
	})
	fmt.Printf("%q %v\n", written.Content, err)
	// Output: "milk\nbread\n" <nil>
}

// The file is one version and whole, or is not touched. Called again after an interruption, it goes on.
func ExampleClient_Download() {
	s := exampleServer()
	defer s.Close()
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)

	d, err := new(client.Client).Download(context.Background(), s.URL+"/note.txt", filepath.Join(dir, "note.txt"), client.DownloadOptions{})
	fmt.Println(d.Size, d.Verified, err)
	// Output: 5 [Repr-Digest] <nil>
}

// A write that comes too late is a conflict with all that is needed to merge.
func ExampleConflict() {
	s := exampleServer()
	defer s.Close()
	c, ctx, url := &client.Client{}, context.Background(), s.URL+"/note.txt"

	base, _ := c.Get(ctx, url)
	cond, _ := base.Condition()
	c.Put(ctx, url, client.Text("milk\nbread\n"), cond) // somebody else

	_, err := c.Put(ctx, url, client.Text("oat milk\n"), cond)
	var conflict *client.Conflict
	if errors.As(err, &conflict) {
		r, _ := merge.Text(base.Content, conflict.Mine.Bytes, conflict.Theirs.Content, merge.Options{Mine: "you", Theirs: "the server"})
		fmt.Print(strings.TrimSpace(string(r.Content)))
	}
	// Output:
	// <<<<<<< you
	// oat milk
	// ||||||| base
	// milk
	// =======
	// milk
	// bread
	// >>>>>>> the server
}
