package secret

import (
	"context"
	"fmt"
	"log/slog"
)

// Logger returns l with everything that is text in its records as [Line] returns it: names of
// resources, targets, and errors, which may quote them. Keys and messages are ours, and stay. nil
// discards.
func Logger(l *slog.Logger) *slog.Logger {
	if l == nil {
		return slog.New(slog.DiscardHandler)
	}
	if _, already := l.Handler().(hiding); already {
		return l
	}
	return slog.New(hiding{l.Handler()})
}

type hiding struct{ slog.Handler }

func (h hiding) Handle(ctx context.Context, r slog.Record) error {
	hidden := slog.NewRecord(r.Time, r.Level, r.Message, r.PC)
	r.Attrs(func(a slog.Attr) bool {
		hidden.AddAttrs(hide(a))
		return true
	})
	return h.Handler.Handle(ctx, hidden)
}

func (h hiding) WithAttrs(attrs []slog.Attr) slog.Handler {
	return hiding{h.Handler.WithAttrs(hideAll(attrs))}
}

func (h hiding) WithGroup(name string) slog.Handler { return hiding{h.Handler.WithGroup(name)} }

func hideAll(attrs []slog.Attr) []slog.Attr {
	hidden := make([]slog.Attr, len(attrs))
	for i, a := range attrs {
		hidden[i] = hide(a)
	}
	return hidden
}

func hide(a slog.Attr) slog.Attr {
	v := a.Value.Resolve()
	switch v.Kind() {
	case slog.KindString:
		v = slog.StringValue(Line(v.String()))
	case slog.KindGroup:
		v = slog.GroupValue(hideAll(v.Group())...)
	case slog.KindAny:
		switch text := v.Any().(type) {
		case error:
			v = slog.StringValue(Line(text.Error()))
		case fmt.Stringer:
			v = slog.StringValue(Line(text.String()))
		case []string:
			v = slog.StringValue(Line(fmt.Sprint(text)))
		}
	}
	return slog.Attr{Key: a.Key, Value: v}
}
