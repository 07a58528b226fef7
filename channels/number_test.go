package channels

import "testing"

func TestNumber(t *testing.T) {
	for _, c := range []struct{ in, country, want string }{
		{"+15550100123", "", "+15550100123"},
		{" +1 (555) 010-0123", "", "+15550100123"},
		{"+44 20.7946.0018", "", "+442079460018"},
		{"0015550100123", "", "+15550100123"},
		{"011442079460018", "US", "+442079460018"},
		{"15550100123", "", "+15550100123"},
		{"255712345678", "TZ", "+255712345678"},
		{"0712345678", "KE", "+254712345678"},
		{"0712 345 678", "ke", "+254712345678"},
		{"06 12345678", "IT", "+390612345678"},
		{"5550100123", "US", "+15550100123"},
		{"72345", "US", "72345"},
		{"911", "", "911"},
		{"0712345678", "", ""},
		{"0712345678", "XX", ""},
		{"BANK", "US", ""},
		{"+1555010012a", "US", ""},
		{"", "US", ""},
		{"+", "US", ""},
		{"12", "", ""},
		{"+1234567890123456", "", ""},
		{"1+5550100123", "", ""},
		{"+0712345678", "KE", ""},
	} {
		got, ok := Number(c.in, c.country)
		if got != c.want || ok != (c.want != "") {
			t.Errorf("Number(%q, %q) = %q, %v; want %q", c.in, c.country, got, ok, c.want)
		}
	}
}

func TestCallingCode(t *testing.T) {
	for country, want := range map[string]string{"US": "1", "us": "1", "KE": "254", "AC": "247", "ZW": "263", "": "", "ZZ": "", "U": "", " U": "", "47": ""} {
		if got := CallingCode(country); got != want {
			t.Errorf("CallingCode(%q) = %q, want %q", country, got, want)
		}
	}
}
