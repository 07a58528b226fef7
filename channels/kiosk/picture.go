package kiosk

import (
	"context"
	"errors"
	"time"

	"github.com/townline/townline/channels"
	"github.com/townline/townline/dialogs/render"
	"github.com/townline/townline/locales"
)

// pictureWait is how long other pictures may take to be done.
const pictureWait = 15 * time.Second

// errPictures says that too many pictures came at once. Trying again helps.
var errPictures = errors.New("kiosk: too many pictures at once")

// understood is answer, with one picture taken apart at a time: a small file may need 256 MB.
func (k *Kiosk) understood(ctx context.Context, f *form, p *render.Page, l *locales.Language) (channels.Event, *mistake, error) {
	if f.picture != nil {
		ctx, done := context.WithTimeout(ctx, pictureWait)
		defer done()
		select {
		case k.pictures <- struct{}{}:
			defer func() { <-k.pictures }()
		case <-ctx.Done():
			return channels.Event{}, nil, errPictures
		}
	}
	e, wrong := answer(f, p, l)
	return e, wrong, nil
}

// photographed makes an event of a picture. It is drawn anew: what the camera wrote into it (where, when, which phone) is gone.
func photographed(f *file) (e channels.Event, _ *mistake) {
	drawn, err := channels.Redraw(f.bytes)
	if err != nil {
		return e, &mistake{key: "screen.wrong.picture", field: "photo"}
	}
	e.Attached = []channels.Attachment{drawn}
	return e, nil
}
