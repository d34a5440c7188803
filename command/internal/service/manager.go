package service

import (
	"context"
	"log/slog"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
)

// Manager is who started this process and wants to know how it is: systemd, for a unit with Type=notify. If nobody wants
// to know, the methods do nothing. They may be called from any goroutine.
type Manager struct{ logger *slog.Logger }

// NewManager returns the manager that the environment names ($NOTIFY_SOCKET, $WATCHDOG_USEC; see sd_notify(3)).
func NewManager(logger *slog.Logger) Manager { return Manager{logger} }

// Ready says that requests are being answered: after the start, and after a reload.
func (m Manager) Ready() { m.tell(daemon.SdNotifyReady) }

// Reloading says that the configuration is being read again. [Manager.Ready] ends it.
func (m Manager) Reloading() {
	m.tell(daemon.SdNotifyReloading + "\n" + daemon.SdNotifyMonotonicUsec())
}

// Stopping says that requests under way are being finished, and no more are taken.
func (m Manager) Stopping() { m.tell(daemon.SdNotifyStopping) }

// Watch shows a sign of life, twice as often as the manager asks for, until ctx is done. It returns at once.
func (m Manager) Watch(ctx context.Context) {
	every, err := daemon.SdWatchdogEnabled(false)
	if err != nil {
		m.logger.Error("the service manager's watchdog cannot be served", "error", err)
	}
	if err != nil || every == 0 {
		return
	}
	go func() {
		alive := time.NewTicker(every / 2)
		defer alive.Stop()
		for {
			m.tell(daemon.SdNotifyWatchdog)
			select {
			case <-alive.C:
			case <-ctx.Done():
				return
			}
		}
	}()
}

func (m Manager) tell(state string) {
	if _, err := daemon.SdNotify(false, state); err != nil {
		m.logger.Error("the service manager cannot be told", "state", state, "error", err)
	}
}
