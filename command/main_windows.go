package command

import (
	"context"

	"golang.org/x/sys/windows/svc"
)

// underManager runs the command, as a service of Windows if the service manager has started this process: it ends when the
// manager says so, or the system shuts down.
func underManager(ctx context.Context, run func(context.Context) int) int {
	if is, err := svc.IsWindowsService(); err != nil || !is {
		return run(ctx)
	}
	s := &windowsService{ctx: ctx, run: run}
	if err := svc.Run("", s); err != nil { // a process of its own needs no name
		return exitFailure
	}
	return s.code
}

type windowsService struct {
	ctx  context.Context
	run  func(context.Context) int
	code int
}

// Execute is called by the service manager, and returns when the command has ended.
func (s *windowsService) Execute(_ []string, asked <-chan svc.ChangeRequest, says chan<- svc.Status) (bool, uint32) {
	ctx, cancel := context.WithCancel(s.ctx)
	defer cancel()
	ended := make(chan int, 1)
	go func() { ended <- s.run(ctx) }()
	const accepts = svc.AcceptStop | svc.AcceptShutdown
	says <- svc.Status{State: svc.Running, Accepts: accepts}
	for {
		select {
		case s.code = <-ended:
			return true, uint32(s.code)
		case request := <-asked:
			switch request.Cmd {
			case svc.Interrogate:
				says <- request.CurrentStatus
			case svc.Stop, svc.Shutdown:
				says <- svc.Status{State: svc.StopPending}
				cancel()
			}
		}
	}
}
