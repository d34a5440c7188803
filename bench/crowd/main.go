// Crowd is an origin for bench/compare, and the clients of a proxy before it:
//
//	crowd origin ADDRESS                serves 16 KiB for a day under any path, after 200 ms, and counts by path at /count?PATH
//	crowd ask PROXY ORIGIN CLIENTS      has so many clients ask for one thing at the same time, and says how often the origin was asked
//	crowd fill PROXY THINGS             reads so many things, each twice
package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "crowd:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	switch {
	case len(args) == 2 && args[0] == "origin":
		return http.ListenAndServe(args[1], &origin{asked: make(map[string]int)})
	case len(args) == 4 && args[0] == "ask":
		clients, err := strconv.Atoi(args[3])
		if err != nil {
			return err
		}
		return ask(args[1], args[2], clients)
	case len(args) == 3 && args[0] == "fill":
		things, err := strconv.Atoi(args[2])
		if err != nil {
			return err
		}
		return fill(args[1], things)
	}
	return fmt.Errorf("origin ADDRESS, ask PROXY ORIGIN CLIENTS, or fill PROXY THINGS")
}

type origin struct {
	mu    sync.Mutex
	asked map[string]int
}

func (o *origin) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/count" {
		o.mu.Lock()
		defer o.mu.Unlock()
		fmt.Fprintln(w, o.asked[r.URL.RawQuery])
		return
	}
	o.mu.Lock()
	o.asked[r.URL.Path]++
	o.mu.Unlock()
	if strings.HasPrefix(r.URL.Path, "/slow") {
		time.Sleep(200 * time.Millisecond)
	}
	w.Header().Set("Cache-Control", "max-age=86400")
	w.Header().Set("Content-Type", "application/octet-stream")
	content := strings.Repeat(fmt.Sprintf("%-32s", r.URL.Path), 512)
	w.Header().Set("Content-Length", strconv.Itoa(len(content)))
	io.WriteString(w, content)
}

// ask prints how often the origin was asked, and how long all of it took.
func ask(proxy, origin string, clients int) error {
	path := fmt.Sprintf("/slow%d", time.Now().UnixNano())
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: clients}}
	begin, failed := make(chan struct{}), make(chan error, clients)
	var all sync.WaitGroup
	for range clients {
		all.Go(func() {
			<-begin
			failed <- get(client, proxy+path, 16<<10)
		})
	}
	began := time.Now()
	close(begin)
	all.Wait()
	took := time.Since(began)
	errors := 0
	for range clients {
		if <-failed != nil {
			errors++
		}
	}
	res, err := http.Get(origin + "/count?" + path)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	count, err := io.ReadAll(res.Body)
	fmt.Printf("%s requests at the origin, %.2f s, %d failed\n", strings.TrimSpace(string(count)), took.Seconds(), errors)
	return err
}

func fill(proxy string, things int) error {
	for range 2 {
		for i := range things {
			if err := get(http.DefaultClient, fmt.Sprintf("%s/thing-%d", proxy, i), 16<<10); err != nil {
				return err
			}
		}
	}
	return nil
}

func get(client *http.Client, url string, size int64) error {
	res, err := client.Get(url)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if n, err := io.Copy(io.Discard, res.Body); err != nil || n != size || res.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: status %d, %d bytes, %v", url, res.StatusCode, n, err)
	}
	return nil
}
