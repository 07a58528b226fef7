package main

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/channels/smpp"
	"github.com/townline/townline/config"
	"github.com/townline/townline/dialogs/render"
	"github.com/townline/townline/locales"
	"github.com/townline/townline/store"
)

// operatorLines makes the town's texts and menus straight with phone companies, for a town that has these other lines.
func operatorLines(c *config.Config, lines []channels.Channel, keys *store.Keys, phrases *locales.Catalogue, metrics prometheus.Registerer, log *slog.Logger) ([]channels.Channel, error) {
	texts := slices.ContainsFunc(lines, func(l channels.Channel) bool { return l.Traits().Texts }) ||
		slices.ContainsFunc(c.SMPP.Operators, func(o config.Operator) bool { return o.Texts })
	var all []channels.Channel
	for i := range c.SMPP.Operators {
		o := &c.SMPP.Operators[i]
		set, err := operator(c, o)
		if err != nil {
			return nil, fmt.Errorf("smpp.operators: %s: %w", o.Name, err)
		}
		set.Phrases, set.Pushes, set.Log, set.Metrics, set.Dir, set.Secret = phrases, texts, log, metrics, c.SMPP.Dir, keptSecret(keys, "smpp")
		own, err := smpp.New(set)
		if err != nil {
			return nil, fmt.Errorf("smpp.operators: %w", err)
		}
		all = append(all, own...)
	}
	return all, nil
}

// keptSecret seals what came by a kind of line and isn't in the store yet.
func keptSecret(keys *store.Keys, kind string) []byte {
	secret := keys.Voter(store.TownsOwn, kind)
	return secret[:]
}

// operator is one of the settings in the adapter's terms.
func operator(c *config.Config, o *config.Operator) (smpp.Config, error) {
	set := smpp.Config{
		Operator: o.Name, Address: o.Host, SystemID: o.SystemID, Password: o.Password.Reveal(), SystemType: o.SystemType, Range: o.Range,
		Separate: o.Separate, NoTexts: !o.Texts, From: o.From, TON: o.TON, NPI: o.NPI, Service: o.Service, Receipts: o.Receipts,
		Long:     map[string]smpp.Long{"udh16": smpp.UDH16, "sar": smpp.SAR}[o.Long],
		Alphabet: map[string]smpp.Alphabet{"packed": smpp.Packed, "latin1": smpp.Latin1}[o.Alphabet],
		IDs:      map[string]smpp.IDs{"hex-receipts": smpp.HexReports, "hex-answers": smpp.HexAnswers, "hex": smpp.HexIDs, "decimal": smpp.DecimalIDs}[o.IDs],
		Validity: o.Validity, Enquire: o.Enquire, Window: o.Window, PerSecond: o.PerSecond, Country: c.Town.Country, Lang: c.Town.Languages[0],
	}
	if o.TLS {
		set.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
		if o.CA != "" {
			pem, err := os.ReadFile(o.CA)
			if err != nil {
				return set, err
			}
			if set.TLS.RootCAs = x509.NewCertPool(); !set.TLS.RootCAs.AppendCertsFromPEM(pem) {
				return set, errors.New("the file of ca= holds no certificate")
			}
		}
	}
	set.Menus = menusOf(o)
	return set, nil
}

// menusOf is how a phone company speaks USSD; nil: it doesn't.
func menusOf(o *config.Operator) *smpp.Menus {
	m, ok := smpp.MenusOf(o.USSD)
	if !ok {
		return nil
	}
	m.Code, m.Septets, m.UCS2, m.Star = o.Code, o.Septets, o.UCS2, o.Star
	for name, ops := range o.Ops {
		switch name {
		case "dial":
			m.Dial = ops
		case "answer":
			m.Answer = ops
		case "abort":
			m.Abort = ops
		case "done":
			m.Done = ops
		case "ask":
			m.Ask = ops[0]
		case "end":
			m.End = ops[0]
		}
	}
	if how, ok := map[string]smpp.Session{"its": smpp.ByITS, "its8": smpp.ByITSOctet, "whole": smpp.ByITSWhole, "reference": smpp.ByReference, "number": smpp.ByNumber}[o.Session]; ok {
		m.Session = how
	} else if strings.HasPrefix(o.Session, "0x") {
		tag, _ := strconv.ParseUint(o.Session, 0, 16)
		m.Session, m.SessionTag = smpp.ByTag, uint16(tag)
	}
	if o.CodingGSM >= 0 {
		m.CodingGSM = byte(o.CodingGSM)
	}
	if o.CodingUCS2 >= 0 {
		m.CodingUCS2 = byte(o.CodingUCS2)
	}
	return &m
}

// operatorMenus are the sizes of screens by SMPP.
func operatorMenus(c *config.Config) (all []render.Traits) {
	for i := range c.SMPP.Operators {
		if m := menusOf(&c.SMPP.Operators[i]); m != nil {
			t := m.Traits()
			t.Name = "ussd.smpp." + c.SMPP.Operators[i].Name
			all = append(all, t)
		}
	}
	return all
}
