package diagnose

// dateRules are the causes in dates.
var dateRules = []Rule{}
