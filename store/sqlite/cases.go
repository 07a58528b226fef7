package sqlite

import (
	"context"
	"errors"

	"github.com/townline/townline/store"
)

var errNotKept = errors.New("sqlite: cases of the desk are not kept yet")

// Cases is store.Store's.
func (s *Store) Cases(context.Context, string, int) ([]store.Case, error) { return nil, errNotKept }

// CaseOf is store.Store's.
func (s *Store) CaseOf(context.Context, store.Resident) (store.Case, bool, error) {
	return store.Case{}, false, errNotKept
}

// Letters is store.Store's.
func (s *Store) Letters(context.Context, store.Resident, int) ([]store.Letter, error) {
	return nil, errNotKept
}
