package channels

import "testing"

func TestReachable(t *testing.T) {
	for number, countries := range map[string][]string{
		"+12025550142":   {"US"},
		"+16045550142":   {"US"}, // Canada: the same plan and tariff
		"+18765550142":   {"us", "JM"},
		"+17875550142":   {"PR"},
		"+34600123456":   {"US", "ES"},
		"+447700900123":  {"GB"},
		"+77011234567":   {"KZ"},
		"+79161234567":   {"RU"},
		"+252612345678":  {"SO"},
		"+3906698123456": {"IT"},
	} {
		if !Reachable(number, countries) {
			t.Errorf("%s can't be reached in %v", number, countries)
		}
	}
	for number, countries := range map[string][]string{
		"+18765550142":  {"US", "CA"}, // Jamaica
		"+18095550142":  {"US"},       // the Dominican Republic
		"+12025550143":  {"JM"},
		"+19005550142":  {"US"}, // premium rate
		"+15005550142":  {"US"},
		"+11235550142":  {"US"},
		"+12021550142":  {"US"},
		"+120255501421": {"US"},
		"+34600123456":  {"US"},
		"+34806123456":  {"ES"},
		"+447012345678": {"GB"},
		"+449012345678": {"GB"},
		"+77011234567":  {"RU"},
		"+88212345678":  {"US", "ES"},
		"12025550142":   {"US"},
		"+1202555":      {"US"},
		"+1202555014a":  {"US"},
		"":              {"US"},
		"40404":         {"US"},
		"+12025550144":  nil,
	} {
		if Reachable(number, countries) {
			t.Errorf("%s can be reached in %v", number, countries)
		}
	}
}

func FuzzReachable(f *testing.F) {
	f.Add("+18765550142", "US")
	f.Fuzz(func(t *testing.T, number, country string) {
		if Reachable(number, []string{country}) && (number[0] != '+' || len(number) > 16 || CallingCode(country) == "") {
			t.Fatalf("%q in %q", number, country)
		}
	})
}
