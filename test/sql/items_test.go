package sqlnotes

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/gin-gonic/gin"
	"github.com/go-chi/chi/v5"
	"github.com/labstack/echo/v4"
)

// routers mount items under /items/ID, each in its own way.
var routers = map[string]func(*Items) http.Handler{
	"net/http": func(s *Items) http.Handler {
		mux := http.NewServeMux()
		mux.HandleFunc("GET /items/{id}", func(w http.ResponseWriter, r *http.Request) { s.Get(w, r, r.PathValue("id")) })
		mux.HandleFunc("PUT /items/{id}", func(w http.ResponseWriter, r *http.Request) { s.Put(w, r, r.PathValue("id")) })
		return mux
	},
	"chi": func(s *Items) http.Handler {
		mux := chi.NewRouter()
		mux.Get("/items/{id}", func(w http.ResponseWriter, r *http.Request) { s.Get(w, r, chi.URLParam(r, "id")) })
		mux.Put("/items/{id}", func(w http.ResponseWriter, r *http.Request) { s.Put(w, r, chi.URLParam(r, "id")) })
		return mux
	},
	"echo": func(s *Items) http.Handler {
		e := echo.New()
		e.GET("/items/:id", func(c echo.Context) error { s.Get(c.Response(), c.Request(), c.Param("id")); return nil })
		e.PUT("/items/:id", func(c echo.Context) error { s.Put(c.Response(), c.Request(), c.Param("id")); return nil })
		return e
	},
	"gin": func(s *Items) http.Handler {
		gin.SetMode(gin.ReleaseMode)
		e := gin.New()
		e.GET("/items/:id", func(c *gin.Context) { s.Get(c.Writer, c.Request, c.Param("id")) })
		e.PUT("/items/:id", func(c *gin.Context) { s.Put(c.Writer, c.Request, c.Param("id")) })
		return e
	},
}

// TestRouters: through each router and with each database, clients create one item and count it up,
// and the sum is exact.
func TestRouters(t *testing.T) {
	t.Run("SQLite", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "items.db")
		countThrough(t, &Items{
			DB:     open(t, "sqlite3", "file:"+file+"?_txlock=immediate&_busy_timeout=10000&_journal_mode=WAL"),
			Select: "SELECT version FROM items WHERE id = $1", Again: isBusy,
		})
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		source := startPostgreSQL(t)
		for _, level := range []sql.IsolationLevel{sql.LevelDefault, sql.LevelSerializable} {
			t.Run(level.String(), func(t *testing.T) {
				countThrough(t, &Items{
					DB: open(t, "pgx", source), Isolation: level,
					Select: "SELECT version FROM items WHERE id = $1 FOR UPDATE", Again: isSerializationFailure,
				})
			})
		}
	})
}

func countThrough(t *testing.T, s *Items) {
	for _, statement := range []string{"DROP TABLE IF EXISTS items", "CREATE TABLE items (id TEXT PRIMARY KEY, version BIGINT, doc TEXT)"} {
		if _, err := s.DB.Exec(statement); err != nil {
			t.Fatal(err)
		}
	}
	for name, router := range routers {
		t.Run(name, func(t *testing.T) { count(t, router(s), "/items/"+strings.ReplaceAll(name, "/", "-")) })
	}
}

// count has clients count an item up.
func count(t *testing.T, h http.Handler, path string) {
	const clients, times = 8, 5
	var all sync.WaitGroup
	for range clients {
		all.Go(func() {
			for range times {
				countUp(t, h, path)
			}
		})
	}
	all.Wait()
	w := ask(h, "GET", path, "", "", "")
	if got, want := strings.TrimSpace(w.Body.String()), fmt.Sprintf(`{"n":%d}`, clients*times); got != want {
		t.Errorf("%d clients have counted %d times each, and there is %s", clients, times, got)
	}
	if tag, want := w.Header().Get("ETag"), fmt.Sprintf(`"%d"`, clients*times); tag != want {
		t.Errorf("the tag is %s, want %s", tag, want)
	}
	if w := ask(h, "GET", path, "", "If-None-Match", w.Header().Get("ETag")); w.Code != http.StatusNotModified {
		t.Errorf("a GET with the current tag is answered %d", w.Code)
	}
	if w := ask(h, "PUT", path, "no JSON", "If-Match", "*"); w.Code != http.StatusBadRequest {
		t.Errorf("content that is no JSON is answered %d", w.Code)
	}
}

func countUp(t *testing.T, h http.Handler, path string) {
	for {
		var item Item
		field, value := "If-None-Match", "*"
		if w := ask(h, "GET", path, "", "", ""); w.Code == http.StatusOK {
			if err := json.Unmarshal(w.Body.Bytes(), &item); err != nil {
				t.Error(err)
				return
			}
			field, value = "If-Match", w.Header().Get("ETag")
		}
		w := ask(h, "PUT", path, fmt.Sprintf(`{"n":%d}`, item.N+1), field, value)
		switch w.Code {
		case http.StatusOK, http.StatusCreated:
			if tag, want := w.Header().Get("ETag"), fmt.Sprintf(`"%d"`, item.N+1); tag != want {
				t.Errorf("version %d was written, and its tag is %s", item.N+1, tag)
			}
			return
		case http.StatusPreconditionFailed:
		default:
			t.Errorf("status %d: %s", w.Code, w.Body)
			return
		}
	}
}

func ask(h http.Handler, method, path, content, field, value string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(content))
	if field != "" {
		r.Header.Set(field, value)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}
