package logs

import "github.com/fourtwelve/fourtwelve/internal/field/secret"

// hide replaces credentials in all of a report that is from a URL or a field. Samples have been without
// from the beginning, and tags stay as they were sent.
func (r *Report) hide() {
	for _, counts := range [][]Count{r.Totals.Paths, r.Totals.Clients, r.Refused.Paths, r.Refused.Clients} {
		for i := range counts {
			counts[i].Name = secret.Text(counts[i].Name)
		}
	}
	for i := range r.Storms {
		r.Storms[i].Path = secret.Text(r.Storms[i].Path)
	}
	for i := range r.Splits {
		r.Splits[i].Path = secret.Text(r.Splits[i].Path)
	}
	for i := range r.Health.Paths {
		r.Health.Paths[i].Path = secret.Text(r.Health.Paths[i].Path)
	}
	for i := range r.Causes {
		c := &r.Causes[i]
		c.Says = secret.Text(c.Says)
		for j := range c.Evidence {
			c.Evidence[j].Value = secret.Value(c.Evidence[j].Name, c.Evidence[j].Value)
		}
	}
}
