package command_test

import (
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/fourtwelve/fourtwelve/command"
)

var update = flag.Bool("update", false, "write what commands print into the scripts that compare it")

// TestMain makes this test binary the fourtwelve command when it is started
// under that name, so that scripts run the real thing as a process of its own.
// "http" is a small client for them.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"fourtwelve": func() { os.Exit(command.Main()) },
		"http":       func() { os.Exit(httpMain(os.Args[1:])) },
	})
}

// raceOptions spares the many processes of the scripts the second that the race
// detector waits at the end of each.
const raceOptions = "atexit_sleep_ms=0"

// TestScripts runs the scripts of testdata/script: one a behaviour.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"serve":       scriptServe,
			"guard":       scriptGuard,
			"backend":     scriptBackend,
			"serve-take":  scriptTake,
			"serve-tell":  scriptTell,
			"serve-await": scriptAwait,
			"serve-end":   scriptEnd,
			"put-begin":   scriptPutBegin,
			"put-end":     scriptPutEnd,
			"certificate": scriptCertificate,
			"raw":         scriptRaw,

			"exits":        scriptExits,
			"faulty":       scriptFaulty,
			"faulty-await": scriptFaultyAwait,
		},
		Setup: func(env *testscript.Env) error {
			env.Setenv("KILO", strings.Repeat("k", 1024))
			env.Setenv("GORACE", raceOptions)
			return nil
		},
		RequireUniqueNames: true,
		UpdateScripts:      *update,
	})
}
