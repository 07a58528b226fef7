package dialogs

import _ "embed" // the schemas

//go:embed dialog.schema.json
var dialogSchema []byte

//go:embed translation.schema.json
var translationSchema []byte

//go:embed places.schema.json
var placesSchema []byte

//go:embed tests.schema.json
var testsSchema []byte

// Schema is the JSON Schema (draft-07) of a dialog's file, for editors: it completes keys and shows help. It knows
// shapes, not names: only Load knows whether a dialog can be published.
func Schema() []byte { return append([]byte(nil), dialogSchema...) }

// PlacesSchema is the JSON Schema (draft-07) of a list of places, landmarks.places.yaml.
func PlacesSchema() []byte { return append([]byte(nil), placesSchema...) }

// TranslationSchema is the JSON Schema (draft-07) of a translation's file, of a dialog or of a list of places.
func TranslationSchema() []byte { return append([]byte(nil), translationSchema...) }

// TestFileSchema is the JSON Schema (draft-07) of a file of tests.
func TestFileSchema() []byte { return append([]byte(nil), testsSchema...) }
