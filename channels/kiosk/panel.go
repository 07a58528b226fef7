package kiosk

import "math"

// A CSS pixel is 1/96 inch once the scale of the screen is set (CSS Values, 5.2).
const (
	perInch = 96.0
	inch    = 25.4           // mm
	pixel   = inch / perInch // mm
)

// letterSizes are those of the machine's four sizes of text in CSS pixels, as style.css has them.
func letterSizes() [sizes]float64 { return [sizes]float64{22, 30, 36, 47} }

// Noto Sans: its capitals are 714 thousandths of its size high, its small x 536 (OS/2 table: sCapHeight, sxHeight).
const (
	capital = 0.714
	smallX  = 0.536
)

// Panel is the screen of a machine, and where people stand.
type Panel struct {
	Diagonal   float64 // inches
	Wide, High int     // dots
	Distance   float64 // mm, from the eyes to the screen
}

// usualPanel is a monitor of 15.6 inches, upright, read from half a metre.
func usualPanel() Panel { return Panel{15.6, 1080, 1920, 500} }

// PPI is how many dots the screen has to an inch.
func (p Panel) PPI() float64 { return math.Hypot(float64(p.Wide), float64(p.High)) / p.Diagonal }

// Scale is how many dots one CSS pixel must have to be 1/96 inch, to the thousandth.
func (p Panel) Scale() float64 { return math.Round(p.PPI()/perInch*1000) / 1000 }

// Page is the size of the page in CSS pixels.
func (p Panel) Page() (wide, high int) {
	s := p.Scale()
	return int(float64(p.Wide) / s), int(float64(p.High) / s)
}

// Millimetres is the size of the lit face.
func (p Panel) Millimetres() (wide, high float64) {
	ppi := p.PPI()
	return float64(p.Wide) / ppi * inch, float64(p.High) / ppi * inch
}

// Letter is one size of text on a panel.
type Letter struct {
	Size       int     // 1 to 4
	Pixels     float64 // of the type
	H, X       float64 // mm, of a capital and of a small x
	Least      float64 // mm, of a capital: VVSG 2.0, 7.1-G
	Most       float64
	Degrees    float64 // that a capital is seen at
	Guidelines bool    // within Least and Most
	S508       bool    // 402.4: a capital of 4.8 mm
	EN3        bool    // EN 301 549 V3.2.1, 5.1.4: a capital of 0.7 degrees
	EN4        bool    // V4.1.0: a small x of 16 CSS pixels at arm's length
}

const (
	capital508 = 4.8   // mm: 402.4
	degreesEN  = 0.7   // 5.1.4 of V3.2.1
	smallXEN   = 16    // CSS pixels: 5.1.4 of V4.1.0
	armsLength = 711.2 // mm, 28 inches: where a CSS pixel is 1/96 inch (CSS Values, reference pixel)
	hair       = 0.1   // mm: nobody measures a letter better with a ruler
)

// Letters are the four sizes as they come out once the scale is set.
func (p Panel) Letters() [sizes]Letter {
	guidelines := [sizes][2]float64{{3.5, 4.2}, {4.8, 5.6}, {6.4, 7.1}, {8.5, 9.0}}
	var out [sizes]Letter
	for i, px := range letterSizes() {
		l := Letter{Size: i + 1, Pixels: px, H: px * capital * pixel, X: px * smallX * pixel, Least: guidelines[i][0], Most: guidelines[i][1]}
		l.Degrees = 180 * l.H / (math.Pi * p.Distance)
		l.Guidelines = l.H > l.Least-hair && l.H < l.Most+hair
		l.S508 = l.H >= capital508
		l.EN3 = l.Degrees >= degreesEN
		l.EN4 = l.X >= smallXEN*pixel*p.Distance/armsLength
		out[i] = l
	}
	return out
}

// needs are the least heights in mm that EN 301 549 asks of a capital (V3.2.1) and of a small x (V4.1.0) from where people stand.
func (p Panel) needs() (h, x float64) {
	return degreesEN * math.Pi * p.Distance / 180, smallXEN * pixel * p.Distance / armsLength
}

// Mended is the scale that makes a bar that should be 100 mm long, and was measured, as long as it should be.
func Mended(scale, measured float64) float64 { return math.Round(scale*100/measured*1000) / 1000 }
