package guard

import "github.com/fourtwelve/fourtwelve/internal/content/budget"

// budgets are what all messages together may hold, in bytes. What is copied through
// small buffers is not counted.
type budgets struct{ memory, disk, copying budget.Budget }
