package kiosk

// Script is the script for the tests that run it in a browser on pages of their own.
func Script(machine, record, scan bool) string {
	js, _ := script(parts{Kiosk: machine, Record: record, Scan: scan})
	return js
}
