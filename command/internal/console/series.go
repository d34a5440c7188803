package console

import (
	"fmt"
	"html/template"
	"strings"
	"time"
)

const (
	// step is how long a column of the charts is, and columns how many there are: five minutes.
	step    = 2 * time.Second
	columns = 150
)

// series counts by kind and time: the last columns, of which the last is not over.
type series struct {
	counts [columns][numKinds]int64
	// end is the number of the last column, by time.
	end int64
}

func columnOf(at time.Time) int64 { return at.UnixNano() / int64(step) }

func (s *series) start(now time.Time) { s.end = columnOf(now) }

// move makes the column of a time the last one, if it is later.
func (s *series) move(at int64) {
	if at-s.end >= columns {
		s.counts, s.end = [columns][numKinds]int64{}, at
		return
	}
	for ; s.end < at; s.end++ {
		s.counts[(s.end+1)%columns] = [numKinds]int64{}
	}
}

// add counts n of a kind at a time. What is older than the columns is left out.
func (s *series) add(at time.Time, k kind, n int64) {
	column := columnOf(at)
	s.move(column)
	if s.end-column < columns {
		s.counts[column%columns][k] += n
	}
}

// list returns the columns, the oldest first.
func (s *series) list() (list [columns][numKinds]int64) {
	for i := range list {
		list[i] = s.counts[(s.end+1+int64(i))%columns]
	}
	return list
}

// sum is how many there were of kinds in all columns.
func (s *series) sum(of ...kind) (n int64) {
	for i := range s.counts {
		for _, k := range of {
			n += s.counts[i][k]
		}
	}
	return n
}

// chart is a picture of some kinds, stacked.
type chart struct {
	ID, Title, Says string
	Areas           []area
	Top             string // the highest column, a second
	Legend          []legend
	Minutes         []minute
	Kinds           []kind
}

type area struct {
	Class string
	Path  template.HTMLAttr
}

// legend is a kind with how many there are: in all five minutes, and a second at the end.
type legend struct {
	Name, Class, Says string
	Total             string
}

// minute is a row of the table that says what the picture shows.
type minute struct {
	When   string
	Counts []int64
}

// chartHeight is in units of the picture; a column is as wide as a unit.
const chartHeight = 100

// chartOf draws the columns. The paths are as long as there are changes, some kilobytes at most.
func chartOf(id, title string, list *[columns][numKinds]int64, of []kind, end time.Time) chart {
	c := chart{ID: id, Title: title, Kinds: of}
	var highest int64
	for i := range list {
		var n int64
		for _, k := range of {
			n += list[i][k]
		}
		highest = max(highest, n)
	}
	var under [columns]int64
	for _, k := range of {
		var total int64
		for i := range list {
			total += list[i][k]
		}
		if total > 0 {
			c.Areas = append(c.Areas, area{kinds[k].class, template.HTMLAttr(pathOf(list, k, &under, highest))})
		}
		c.Legend = append(c.Legend, legend{kinds[k].name, kinds[k].class, kinds[k].says, number(total)})
	}
	c.Top = number(int64(float64(highest)/step.Seconds() + 0.5))
	if highest > 0 && highest < int64(step/time.Second) {
		c.Top = "1"
	}
	c.Minutes = minutesOf(list, of, end)
	c.Says = saysOf(&c)
	return c
}

// pathOf is the outline of a kind above those under it, in steps, and adds it to these.
func pathOf(list *[columns][numKinds]int64, k kind, under *[columns]int64, highest int64) string {
	y := func(n int64) float64 { return chartHeight * (1 - float64(n)/float64(highest)) }
	var b, back strings.Builder
	lower := make([]float64, columns)
	b.WriteString(`d="`)
	last := -1.0
	for i := range list {
		lower[i] = y(under[i])
		under[i] += list[i][k]
		top := y(under[i])
		switch {
		case i == 0:
			fmt.Fprintf(&b, "M0 %.1f", top)
		case top != last:
			fmt.Fprintf(&b, "H%dV%.1f", i, top)
		}
		last = top
	}
	fmt.Fprintf(&b, "H%d", columns)
	for i := columns - 1; i >= 0; i-- {
		if i == columns-1 || lower[i] != lower[i+1] {
			fmt.Fprintf(&back, "H%dV%.1f", i+1, lower[i])
		}
	}
	return b.String() + back.String() + `H0Z"`
}

// minutesOf sums up by minute, the latest first.
func minutesOf(list *[columns][numKinds]int64, of []kind, end time.Time) (rows []minute) {
	const perMinute = int(time.Minute / step)
	for m := range columns / perMinute {
		row := minute{When: end.Add(-time.Duration(m+1) * time.Minute).UTC().Format("15:04:05"), Counts: make([]int64, len(of))}
		for i := columns - (m+1)*perMinute; i < columns-m*perMinute; i++ {
			for j, k := range of {
				row.Counts[j] += list[i][k]
			}
		}
		rows = append(rows, row)
	}
	return rows
}

func saysOf(c *chart) string {
	var parts []string
	for _, l := range c.Legend {
		parts = append(parts, l.Name+" "+l.Total)
	}
	return "In the last five minutes: " + strings.Join(parts, ", ") + "."
}

// number writes n with thin spaces between thousands.
func number(n int64) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "\u202f" + s[i:]
	}
	return s
}
