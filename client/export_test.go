package client

// SplitAtOnce has downloads read several parts at the same time as soon as they can.
func (c *Client) SplitAtOnce() { c.tuning = &tuning{} }
