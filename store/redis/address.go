package redis

import (
	"crypto/tls"
	"errors"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"

	goredis "github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// errAddress doesn't show the address: there may be a password in it.
var errAddress = errors.New("redis: an address is redis://HOST:PORT, rediss:// where the way is encrypted, with more hosts after commas, and ?sentinel=NAME or ?cluster=1 where it is that, ?tls=off where a way that isn't encrypted is safe")

// parse reads an address: redis://[user:password@]host[:port][,host…][/number][?sentinel=NAME|cluster=1][&tls=off].
func parse(address string) (*goredis.UniversalOptions, error) {
	scheme, rest, ok := strings.Cut(address, "://")
	if !ok || scheme != "redis" && scheme != "rediss" {
		return nil, errAddress
	}
	end := strings.IndexAny(rest, "/?")
	if end < 0 {
		end = len(rest)
	}
	hosts, tail := rest[:end], rest[end:]
	user := ""
	if at := strings.LastIndex(hosts, "@"); at >= 0 {
		user, hosts = hosts[:at+1], hosts[at+1:]
	}
	u, err := url.Parse("redis://" + user + "host" + tail)
	if err != nil {
		return nil, errAddress
	}
	q, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return nil, errAddress
	}
	o := &goredis.UniversalOptions{
		ContextTimeoutEnabled: true, MaxRetries: -1, DialerRetries: 1, ConnMaxIdleTime: 5 * time.Minute, DisableIdentity: true,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	}
	for h := range strings.SplitSeq(hosts, ",") {
		host, port := h, "6379"
		if a, b, err := net.SplitHostPort(h); err == nil {
			host, port = a, b
		} else if strings.Contains(h, ":") {
			return nil, errAddress
		}
		if p, err := strconv.ParseUint(port, 10, 16); host == "" || err != nil || p == 0 {
			return nil, errAddress
		}
		o.Addrs = append(o.Addrs, net.JoinHostPort(host, port))
	}
	if u.User != nil {
		o.Username = u.User.Username()
		o.Password, _ = u.User.Password()
	}
	if number := strings.Trim(u.Path, "/"); number != "" {
		if o.DB, err = strconv.Atoi(number); err != nil || o.DB < 0 {
			return nil, errAddress
		}
	}
	for k := range q {
		switch k {
		case "sentinel":
			o.MasterName = q.Get(k)
		case "cluster":
			o.IsClusterMode = q.Get(k) == "1"
		case "tls": // whether it may be off is config's to ask
			if scheme != "redis" || q.Get(k) != "off" {
				return nil, errAddress
			}
		default:
			return nil, errAddress
		}
	}
	if q.Has("sentinel") && (o.MasterName == "" || o.IsClusterMode) || o.IsClusterMode && o.DB != 0 || len(o.Addrs) > 1 && o.MasterName == "" && !o.IsClusterMode {
		return nil, errAddress
	}
	if o.IsClusterMode {
		o.MaxRedirects = 3
	}
	if scheme == "rediss" {
		o.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	return o, nil
}
