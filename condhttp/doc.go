// Package condhttp is conditional requests (RFC 9110 §13 and §14) for handlers of
// package net/http.
package condhttp
