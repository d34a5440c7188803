package diagnose

// serverRules are the causes in servers that evaluate wrongly.
var serverRules = []Rule{}
