package capture

// Options are the choices of Read. The zero Options are the usual ones.
type Options struct {
	// Format, unless Unknown, is the one to read; Unknown finds out.
	Format Format
	// Limits bound the memory used; each one that is zero is the one of DefaultLimits.
	Limits Limits
}

// Limits bound what is kept of a capture, whatever its size.
type Limits struct {
	// Exchanges is how many are kept. More are an error, after these.
	Exchanges int
	// Content is how many bytes are kept of the content of a message. Beyond that it is Cut.
	Content int
	// Total is how many bytes are kept of all exchanges together. Once that is
	// used up content is no longer kept, and at twice that reading ends with an error.
	Total int
	// Line is how many bytes are kept of a line of a header section. Beyond that it is Cut.
	Line int
	// Fields is how many lines are kept of a header section. More are dropped, and are a gap.
	Fields int
	// Unpacked is how many bytes an archive may unpack to. More are an error.
	Unpacked int64
	// Archive is the size of an archive that is not a file but a stream, which has to be
	// held in memory.
	Archive int64
}

// DefaultLimits are what an ordinary machine bears easily.
var DefaultLimits = Limits{
	Exchanges: 10_000,
	Content:   4 << 20,
	Total:     64 << 20,
	Line:      64 << 10,
	Fields:    1000,
	Unpacked:  1 << 30,
	Archive:   256 << 20,
}

func (l Limits) orDefault() Limits {
	fill(&l.Exchanges, DefaultLimits.Exchanges)
	fill(&l.Content, DefaultLimits.Content)
	fill(&l.Total, DefaultLimits.Total)
	fill(&l.Line, DefaultLimits.Line)
	fill(&l.Fields, DefaultLimits.Fields)
	fill(&l.Unpacked, DefaultLimits.Unpacked)
	fill(&l.Archive, DefaultLimits.Archive)
	return l
}

func fill[T int | int64](v *T, usual T) {
	if *v <= 0 {
		*v = usual
	}
}
