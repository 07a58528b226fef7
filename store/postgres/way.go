package postgres

import (
	"crypto/tls"
	"fmt"
	"net"
	"strings"

	"github.com/jackc/pgx/v5"
)

// safe refuses a way to the server on which others could read along, or answer in its place. What is sealed stays sealed there, but the
// password, the answers to public questions and the ballots don't. A server on this machine needs no encryption, and one in a network
// of one's own (10.…, 192.168.…, a name without a dot, as containers have) may do without where the address says so.
func safe(c *pgx.ConnConfig) error {
	if err := safeTo(c.Host, c.TLSConfig); err != nil {
		return err
	}
	for _, f := range c.Fallbacks {
		if err := safeTo(f.Host, f.TLSConfig); err != nil {
			return err
		}
	}
	return nil
}

func safeTo(host string, t *tls.Config) error {
	switch {
	case t != nil && (!t.InsecureSkipVerify || t.VerifyPeerCertificate != nil || t.VerifyConnection != nil), near(host):
		return nil
	case t == nil:
		return fmt.Errorf("store: the way to the PostgreSQL server %s isn't encrypted, and others could read along: add sslmode=verify-full to the address, and sslrootcert=FILE with the authority's certificate", host)
	}
	return fmt.Errorf("store: nothing shows that the PostgreSQL server %s is the town's own: write sslmode=verify-full in the address, and sslrootcert=FILE with the authority's certificate", host)
}

// near says whether a host is this machine, or in a network of one's own.
func near(host string) bool {
	if strings.HasPrefix(host, "/") || strings.HasPrefix(host, "@") || host == "" { // a socket
		return true
	}
	if ip := net.ParseIP(strings.Trim(host, "[]")); ip != nil {
		return ip.IsLoopback() || ip.IsPrivate() || ip.IsLinkLocalUnicast()
	}
	return !strings.Contains(strings.TrimSuffix(host, "."), ".")
}
