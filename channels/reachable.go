package channels

import (
	"slices"
	"strings"
)

// Reachable says whether the town may ring a number at its own cost: it is one of countries (two letters, ISO 3166-1), and not
// of a kind that costs whoever rings it dear. Countries that share a calling code and a tariff (the United States and Canada;
// the United Kingdom and its islands; Russia and Kazakhstan, which can be told apart) are looked at more closely where that is
// known to matter: a call to Jamaica looks like one to Ohio.
func Reachable(number string, countries []string) bool {
	digits, ok := strings.CutPrefix(number, "+")
	if !ok || len(digits) < 8 || len(digits) > 15 || strings.Trim(digits, "0123456789") != "" {
		return false
	}
	if slices.ContainsFunc(dear, func(prefix string) bool { return strings.HasPrefix(digits, prefix) }) {
		return false
	}
	return slices.ContainsFunc(countries, func(country string) bool {
		country = strings.ToUpper(country)
		code := CallingCode(country)
		if code == "" || !strings.HasPrefix(digits, code) {
			return false
		}
		switch code {
		case "1":
			if len(digits) != 11 || digits[1] < '2' || digits[4] < '2' { // a national number of NANP: NXX NXX XXXX
				return false
			}
			island := islandOf(digits[1:4])
			return island == country || island == "" && (country == "US" || country == "CA")
		case "7":
			return (digits[1] == '6' || digits[1] == '7') == (country == "KZ")
		}
		return true
	})
}

// islandOf is the country of an area code of the North American Numbering Plan that is neither of the United States' mainland
// nor Canada's; "" for theirs (NANPA, "NPAs not in the United States", and the U.S. territories).
func islandOf(area string) string {
	at := strings.Index(islands, " "+area)
	if at < 0 {
		return ""
	}
	return islands[at+4 : at+6]
}

const islands = " 242BS 246BB 264AI 268AG 284VG 340VI 345KY 441BM 473GD 649TC 658JM 664MS 670MP 671GU 684AS 721SX 758LC 767DM" +
	" 784VC 787PR 809DO 829DO 849DO 868TT 869KN 876JM 939PR "

// dear are the beginnings of numbers that are charged to the caller at more than a telephone call (premium rate and personal
// numbers: in NANP 900 and 5XX; Ofcom's National Telephone Numbering Plan 9 and 70; CNMC 80X and 905; ARCEP 89; BNetzA 900 and
// 137; AGCOM 89), and of satellite and international networks.
var dear = []string{
	"1900", "1500", "1521", "1522", "1523", "1524", "1525", "1526", "1527", "1528", "1529", "1533", "1544", "1566", "1577", "1588", "1700",
	"449", "4470", "34803", "34806", "34807", "34905", "3389", "49900", "49137", "3989",
	"870", "881", "882", "883", "888", "979",
}
