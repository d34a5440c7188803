package command

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"runtime"
	"time"

	"github.com/fourtwelve/fourtwelve/command/internal/server"
	"github.com/fourtwelve/fourtwelve/store/dirstore"
)

// A control is where a server is asked for what only the owner of its directory may: a
// socket in the state folder, which nobody else can enter. What is spoken there is HTTP.
type control struct {
	server *http.Server
	folder *os.File
	ended  chan struct{}
}

// controlName is the socket's name in the state folder.
const controlName = "control"

// startControl starts to listen. A file system without sockets is no failure.
func startControl(files *dirstore.Store, dir string, logger *slog.Logger) *control {
	path, folder, err := controlPath(dir)
	if err != nil {
		logger.Warn("this server cannot be asked to purge", "error", err)
		return nil
	}
	// Whoever owns the directory owns the name: what is there is of a process that has died.
	_ = os.Remove(path)
	ln, err := net.Listen("unix", path)
	if err != nil {
		logger.Warn("this server cannot be asked to purge", "error", err)
		folder.Close()
		return nil
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /purge", func(w http.ResponseWriter, r *http.Request) { answerPurge(w, r, files, logger) })
	c := &control{
		server: &http.Server{Handler: mux, ReadHeaderTimeout: server.DefaultHeaderTimeout, ReadTimeout: time.Minute},
		folder: folder, ended: make(chan struct{}),
	}
	go func() {
		defer close(c.ended)
		_ = c.server.Serve(ln) // until it is closed
	}()
	return c
}

// close ends it when the requests under way have been answered, or in a while.
func (c *control) close() error {
	if c == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), logTimeout)
	defer cancel()
	err := c.server.Shutdown(ctx)
	<-c.ended
	return errors.Join(err, c.folder.Close())
}

// controlPath is the path of the socket. A path may have about 100 bytes there, so on Linux
// it leads through the open folder, which must stay open.
func controlPath(dir string) (string, *os.File, error) {
	state := dirstore.StatePath(dir)
	folder, err := os.Open(state)
	if err != nil {
		return "", nil, err
	}
	if runtime.GOOS == "linux" {
		state = fmt.Sprintf("/proc/self/fd/%d", folder.Fd())
	}
	return state + "/" + controlName, folder, nil
}

func answerPurge(w http.ResponseWriter, r *http.Request, files *dirstore.Store, logger *slog.Logger) {
	var which dirstore.Selection
	content := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20))
	content.DisallowUnknownFields()
	if err := content.Decode(&which); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	done, err := files.PurgeAll(r.Context(), which)
	if err != nil {
		logger.Error("earlier revisions could not be purged", "error", err)
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	logger.Info("earlier revisions were purged", "revisions", done.Revisions, "names", done.Names)
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(done)
}

// askToPurge asks the server of a directory.
func askToPurge(ctx context.Context, dir string, which dirstore.Selection) (done dirstore.Purged, err error) {
	path, folder, err := controlPath(dir)
	if err != nil {
		return done, err
	}
	defer folder.Close()
	client := &http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", path)
		},
	}}
	content, err := json.Marshal(which)
	if err != nil {
		return done, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://control/purge", bytes.NewReader(content))
	if err != nil {
		return done, err
	}
	resp, err := client.Do(req)
	if err != nil {
		return done, err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, 1<<16))
	if err != nil {
		return done, err
	}
	if resp.StatusCode != http.StatusOK {
		return done, errors.New(string(bytes.TrimSpace(answer)))
	}
	return done, json.Unmarshal(answer, &done)
}
