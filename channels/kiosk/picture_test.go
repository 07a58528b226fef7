package kiosk

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"image"
	"image/color"
	"image/jpeg"
	"mime/multipart"
	"net/http"
	"testing"
)

// TestAPicture: it is drawn anew, upright, no larger than needed, and what the camera wrote into it is gone.
func TestAPicture(t *testing.T) {
	b, in := at(t, WebName, "photo")
	img := image.NewRGBA(image.Rect(0, 0, 3200, 800))
	for x := range 1600 {
		for y := range 800 {
			img.SetRGBA(x, y, color.RGBA{255, 0, 0, 255})
		}
	}
	var raw bytes.Buffer
	if err := jpeg.Encode(&raw, img, nil); err != nil {
		t.Fatal(err)
	}
	b.upload("photo", "a.jpg", withTurn(raw.Bytes(), 6))
	e := in.last()
	if len(e.Attached) != 1 || e.Attached[0].Type != "image/jpeg" {
		t.Fatalf("heard %+v", e)
	}
	got, err := jpeg.Decode(bytes.NewReader(e.Attached[0].Bytes))
	if err != nil {
		t.Fatal(err)
	}
	if s := got.Bounds().Size(); s != image.Pt(400, 1600) {
		t.Errorf("it is %v large", s)
	}
	if r, g, _, _ := got.At(200, 100).RGBA(); r < 0xf000 || g > 0x1000 {
		t.Error("what was on the left is not at the top")
	}
	if bytes.Contains(e.Attached[0].Bytes, []byte("Exif")) || bytes.Contains(e.Attached[0].Bytes, []byte("SECRET PLACE")) {
		t.Error("what the camera wrote is still there")
	}

	n := len(in.heard)
	b.get("/web")
	b.upload("photo", "a.jpg", []byte("this is no picture"))
	b.shows(`id="wrong"`, "use this picture")
	if len(in.heard) != n {
		t.Error("what is no picture was taken")
	}
}

// TestPicturesOneAtATime: who comes second waits, and nothing is lost when it takes too long.
func TestPicturesOneAtATime(t *testing.T) {
	k := NewWeb(Settings{Phrases: words()})
	p := pages()["photo"]
	k.pictures <- struct{}{}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	f := &form{picture: &file{bytes: []byte("this is no picture")}}
	if _, _, err := k.understood(ctx, f, &p, words().Language("en")); !errors.Is(err, errPictures) {
		t.Errorf("two at once: %v", err)
	}
	<-k.pictures
	if _, wrong, err := k.understood(t.Context(), f, &p, words().Language("en")); wrong == nil || err != nil {
		t.Errorf("the next: %v %v", wrong, err)
	}
	if len(k.pictures) > 0 {
		t.Error("nobody else may")
	}
}

// TestARecording comes with the form, where the voice may be recorded.
func TestARecording(t *testing.T) {
	b, in := at(t, WebName, "text")
	b.upload("sound", "sound.webm", []byte("\x1aE\xdf\xa3voice"))
	if e := in.last(); len(e.Attached) != 1 || e.Attached[0].Type != "audio/webm" || e.Choice != "" {
		t.Errorf("heard %+v", e)
	}
	kiosk, in := at(t, Name, "text")
	kiosk.upload("sound", "sound.webm", []byte("\x1aE\xdf\xa3voice"))
	if e := in.last(); len(e.Attached) != 0 || e.Choice != "skip" {
		t.Errorf("a machine without a microphone took a recording: %+v", e)
	}
}

// upload answers the page with a file.
func (c *caller) upload(name, file string, content []byte) {
	c.t.Helper()
	c.uploads("next", name, file, content)
}

// uploads sends the page's form with a button, a file, and what else is filled in.
func (c *caller) uploads(do, name, file string, content []byte, fill ...string) {
	c.t.Helper()
	var b bytes.Buffer
	m := multipart.NewWriter(&b)
	v := c.form()
	for i := 0; i+1 < len(fill); i += 2 {
		v.Set(fill[i], fill[i+1])
	}
	for field, values := range v {
		for _, v := range values {
			if err := m.WriteField(field, v); err != nil {
				c.t.Fatal(err)
			}
		}
	}
	w, err := m.CreatePart(map[string][]string{"Content-Disposition": {`form-data; name="` + name + `"; filename="` + file + `"`}, "Content-Type": {"audio/webm"}})
	if err != nil {
		c.t.Fatal(err)
	}
	if _, err := w.Write(content); err != nil {
		c.t.Fatal(err)
	}
	if err := m.WriteField("do", do); err != nil { // a browser's fields are in the page's order: the buttons stand last
		c.t.Fatal(err)
	}
	if err := m.Close(); err != nil {
		c.t.Fatal(err)
	}
	c.ask(http.MethodPost, c.base, m.FormDataContentType(), b.String())
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
