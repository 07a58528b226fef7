package channels

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"image/color"
	_ "image/gif" // pictures come as these too
	"image/jpeg"
	_ "image/png"
)

const (
	mostPixels = 60e6      // of a picture that is taken apart: a phone's camera makes 12 to 50 million
	mostMemory = 256 << 20 // bytes that it may need while it is taken apart
	mostSide   = 1600      // pixels of the longer side of what is kept
)

var errPicture = errors.New("this is no picture, or too large a one")

// Redraw draws a picture anew, as a JPEG of at most 1,600 pixels a side: what the camera wrote into it (where, when, which
// phone) is gone. It may need 256 MB: one at a time. It knows JPEG, PNG and GIF.
func Redraw(b []byte) (Attachment, error) {
	c, kind, err := image.DecodeConfig(bytes.NewReader(b))
	if err != nil || c.Width < 1 || c.Height < 1 || c.Width > mostPixels/c.Height || c.Width*c.Height > mostMemory/room(c.ColorModel, kind, b) {
		return Attachment{}, errPicture
	}
	img, _, err := image.Decode(bytes.NewReader(b))
	if err != nil {
		return Attachment{}, errPicture
	}
	var out bytes.Buffer
	if err := jpeg.Encode(&out, turned(smaller(img), orientation(b)), &jpeg.Options{Quality: 82}); err != nil {
		return Attachment{}, fmt.Errorf("draw a picture: %w", err)
	}
	return Attachment{Type: "image/jpeg", Bytes: out.Bytes()}, nil
}

// room is how many bytes a pixel may need while a picture is taken apart.
func room(m color.Model, kind string, b []byte) int {
	n := 4
	switch m {
	case color.RGBA64Model, color.NRGBA64Model:
		n = 8
	case color.YCbCrModel:
		n = 3
	}
	if kind == "jpeg" && !baseline(b) { // all coefficients are kept until the last scan, four bytes each
		n *= 5
	}
	return n
}

// baseline says whether a JPEG is plainly one that is drawn from the top down.
func baseline(b []byte) bool {
	for i := 2; i+4 <= len(b) && b[i] == 0xff; i += 2 + int(binary.BigEndian.Uint16(b[i+2:])) {
		switch kind := b[i+1]; {
		case kind == 0xc0, kind == 0xc1:
			return true
		case kind == 0xc4, kind == 0xdb, kind == 0xdd, kind == 0xfe, kind >= 0xe0 && kind <= 0xef:
		default:
			return false
		}
	}
	return false
}

// smaller is a picture of no more than mostSide pixels a side, each the mean of those that it stands for, on white.
func smaller(img image.Image) *image.RGBA {
	in := img.Bounds()
	w, h := in.Dx(), in.Dy()
	if side := max(w, h); side > mostSide {
		w, h = max(1, w*mostSide/side), max(1, h*mostSide/side)
	}
	out := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		y0, y1 := y*in.Dy()/h, max(y*in.Dy()/h+1, (y+1)*in.Dy()/h)
		for x := range w {
			x0, x1 := x*in.Dx()/w, max(x*in.Dx()/w+1, (x+1)*in.Dx()/w)
			var r, g, b, n uint64
			for v := y0; v < y1; v++ {
				for u := x0; u < x1; u++ {
					pr, pg, pb, pa := img.At(in.Min.X+u, in.Min.Y+v).RGBA()
					white := uint64(0xffff - pa)
					r, g, b, n = r+uint64(pr)+white, g+uint64(pg)+white, b+uint64(pb)+white, n+1
				}
			}
			out.SetRGBA(x, y, color.RGBA{uint8(r / n >> 8), uint8(g / n >> 8), uint8(b / n >> 8), 255})
		}
	}
	return out
}

// turned sets a picture upright; how says how the camera was held (EXIF 2.32, tag 0x0112: 1 to 8).
func turned(img *image.RGBA, how int) *image.RGBA {
	if how < 2 || how > 8 {
		return img
	}
	w, h := img.Rect.Dx(), img.Rect.Dy()
	out := image.NewRGBA(image.Rect(0, 0, w, h))
	if how > 4 {
		out = image.NewRGBA(image.Rect(0, 0, h, w))
	}
	for y := range h {
		for x := range w {
			u, v := x, y
			switch how {
			case 2:
				u = w - 1 - x
			case 3:
				u, v = w-1-x, h-1-y
			case 4:
				v = h - 1 - y
			case 5:
				u, v = y, x
			case 6:
				u, v = h-1-y, x
			case 7:
				u, v = h-1-y, w-1-x
			case 8:
				u, v = y, w-1-x
			}
			out.SetRGBA(u, v, img.RGBAAt(x, y))
		}
	}
	return out
}

// orientation finds in a JPEG how the camera was held; 1, upright, where it doesn't say.
func orientation(b []byte) int {
	for i := 2; i+4 <= len(b) && b[0] == 0xff && b[i] == 0xff; {
		kind, n := b[i+1], int(binary.BigEndian.Uint16(b[i+2:]))
		if n < 2 || i+2+n > len(b) || kind == 0xda {
			return 1
		}
		part := b[i+4 : i+2+n]
		if kind == 0xe1 && bytes.HasPrefix(part, []byte("Exif\x00\x00")) {
			return exifTurn(part[6:])
		}
		i += 2 + n
	}
	return 1
}

// exifTurn reads the orientation from the first directory of a TIFF header.
func exifTurn(t []byte) int {
	if len(t) < 8 {
		return 1
	}
	var order binary.ByteOrder = binary.LittleEndian
	if t[0] == 'M' {
		order = binary.BigEndian
	}
	at := int(order.Uint32(t[4:]))
	if at < 8 || at+2 > len(t) {
		return 1
	}
	n := int(order.Uint16(t[at:]))
	for i := at + 2; n > 0 && i+12 <= len(t); i, n = i+12, n-1 {
		if order.Uint16(t[i:]) == 0x0112 {
			return int(order.Uint16(t[i+8:]))
		}
	}
	return 1
}
