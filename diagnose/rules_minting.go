package diagnose

// mintingRules are the causes in how tags are made and deployed.
var mintingRules = []Rule{}
