package channels

import (
	"bytes"
	"encoding/binary"
	"errors"
	"image"
	"image/color"
	"image/jpeg"
	"io"
	"testing"
)

// TestAPictureThatIsLargerThanItLooks: a few bytes can stand for more memory than a server has.
func TestAPictureThatIsLargerThanItLooks(t *testing.T) {
	jpg := func(sof byte, before ...byte) []byte { // 7000 by 7000
		b := append([]byte{0xff, 0xd8}, before...)
		return append(b, 0xff, sof, 0, 17, 8, 0x1b, 0x58, 0x1b, 0x58, 3, 1, 0x11, 0, 2, 0x11, 0, 3, 0x11, 0)
	}
	for _, c := range []struct {
		name string
		b    []byte
		m    color.Model
		kind string
		room int
	}{
		{"from the top down", jpg(0xc0), color.YCbCrModel, "jpeg", 3},
		{"in scans", jpg(0xc2), color.YCbCrModel, "jpeg", 15},
		{"in scans, behind a mark without a length", jpg(0xc2, 0xff, 0xd0), color.YCbCrModel, "jpeg", 15},
		{"for print, in scans", jpg(0xc2), color.CMYKModel, "jpeg", 20},
		{"eight bits", nil, color.NRGBAModel, "png", 4},
		{"sixteen bits", nil, color.NRGBA64Model, "png", 8},
	} {
		if got := room(c.m, c.kind, c.b); got != c.room {
			t.Errorf("%s: %d bytes a pixel, want %d", c.name, got, c.room)
		}
	}
	read := 0
	image.RegisterFormat("counted", "counted", func(io.Reader) (image.Image, error) { read++; return nil, errors.New("read") },
		func(io.Reader) (image.Config, error) {
			return image.Config{ColorModel: color.RGBA64Model, Width: 7000, Height: 7000}, nil
		})
	if _, err := Redraw([]byte("counted")); err == nil || read > 0 {
		t.Errorf("a picture that needs 392 MB was read %d times", read)
	}
}

// withTurn puts an EXIF part into a JPEG that says how the camera was held, and where.
func withTurn(b []byte, how uint16) []byte {
	tiff := []byte("II*\x00\x08\x00\x00\x00\x01\x00\x12\x01\x03\x00\x01\x00\x00\x00")
	tiff = binary.LittleEndian.AppendUint16(tiff, how)
	tiff = append(tiff, "\x00\x00\x00\x00\x00\x00SECRET PLACE"...)
	part := append([]byte("Exif\x00\x00"), tiff...)
	out := append([]byte{}, b[:2]...)
	out = append(out, 0xff, 0xe1)
	out = binary.BigEndian.AppendUint16(out, uint16(len(part)+2))
	return append(append(out, part...), b[2:]...)
}

func FuzzPicture(f *testing.F) {
	var raw bytes.Buffer
	if err := jpeg.Encode(&raw, image.NewRGBA(image.Rect(0, 0, 4, 3)), nil); err != nil {
		f.Fatal(err)
	}
	f.Add(withTurn(raw.Bytes(), 6))
	f.Add([]byte("\xff\xd8\xff\xe1\x00\x10Exif\x00\x00MM\x00*\x00\x00\x00\x08\x00\x01"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if how := orientation(b); how < 0 || how > 0xffff {
			t.Fatal(how)
		}
		if len(b) < 4096 {
			_, _ = Redraw(b)
		}
	})
}
