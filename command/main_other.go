//go:build !windows

package command

import "context"

// underManager runs the command. Managers other than that of Windows are told how it is by the command itself.
func underManager(ctx context.Context, run func(context.Context) int) int { return run(ctx) }
