package server

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"sync/atomic"
	"time"
)

// Certificate is a certificate that can be replaced while it is in use, from any goroutine.
type Certificate struct {
	// File is the PEM file it was first read from.
	File string

	keyFile string
	current atomic.Pointer[tls.Certificate]
}

// LoadCertificate reads a certificate and its key, each a PEM file.
func LoadCertificate(certFile, keyFile string) (*Certificate, error) {
	c := &Certificate{File: certFile, keyFile: keyFile}
	return c, c.Reload()
}

// Reload reads the files again. After an error the certificate is the one it was.
func (c *Certificate) Reload() error { return c.ReloadFrom(c.File, c.keyFile) }

// ReloadFrom is Reload with files that may be others than before.
func (c *Certificate) ReloadFrom(certFile, keyFile string) error {
	pair, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err != nil {
		return fmt.Errorf("the certificate %s with the key %s cannot be used: %w", certFile, keyFile, err)
	}
	c.current.Store(&pair)
	return nil
}

// Leaf is the certificate itself.
func (c *Certificate) Leaf() *x509.Certificate { return c.current.Load().Leaf }

// Chain is the certificate and what vouches for it, in DER.
func (c *Certificate) Chain() [][]byte { return c.current.Load().Certificate }

// Warning says why clients will not accept the certificate at now, or is "".
func (c *Certificate) Warning(now time.Time) string {
	switch leaf := c.Leaf(); {
	case now.After(leaf.NotAfter):
		return "the certificate expired on " + leaf.NotAfter.Format(time.DateOnly)
	case now.Before(leaf.NotBefore):
		return "the certificate is not valid before " + leaf.NotBefore.Format(time.DateOnly)
	}
	return ""
}

func (c *Certificate) config() *tls.Config {
	return &tls.Config{
		MinVersion:     tls.VersionTLS12,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return c.current.Load(), nil },
	}
}
