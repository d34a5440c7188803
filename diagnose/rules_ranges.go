package diagnose

// rangeRules are the causes in ranges and resumed downloads.
var rangeRules = []Rule{}
