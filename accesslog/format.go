package accesslog

// Format says how the lines of a log are to be read. The zero Format means that this
// is to be found out. Formats compare with ==.
type Format struct {
	name   string // "" for the zero Format
	arg    string // a log_format, a LogFormat, field names or captures
	server string // "" if not known
}

// Name is the short name that ParseFormat knows, as in "iis"; "" for the zero Format.
func (f Format) Name() string { return f.name }

// Server is the program that writes such logs, as in "nginx", or "" if several do and
// the log does not tell.
func (f Format) Server() string { return f.server }

// String returns the name, and the server where that is not clear from it.
func (f Format) String() string {
	if f.name == "combined" && f.server != "" {
		return f.name + " (" + f.server + ")"
	}
	return f.name
}
