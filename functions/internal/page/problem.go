package page

import (
	"context"
	"errors"
	"net/http"

	"github.com/tagalong-aws/tagalong/functions/internal/query"
	"github.com/tagalong-aws/tagalong/functions/internal/tagalong"
)

// told says an error to people: what is wrong inside stays in the log, under the
// request's id.
func told(err error, id string) (status int, title string, texts []string) {
	var (
		bad     badRequest
		unknown *tagalong.UnknownNameError
		horizon *query.HorizonError
		image   *query.ImageError
		several *tagalong.AmbiguousNameError
	)
	switch {
	case errors.As(err, &bad), errors.As(err, &image), errors.As(err, &several), errors.Is(err, query.ErrCursor):
		return http.StatusBadRequest, "That could not be understood", []string{err.Error() + "."}
	case errors.As(err, &unknown):
		return http.StatusNotFound, "Not known", append([]string{unknown.Error() + "."}, present(unknown.Watched)...)
	case errors.As(err, &horizon):
		return http.StatusNotFound, "Not known at that time", append([]string{horizon.Error() + "."}, servicesOf(horizon)...)
	case errors.Is(err, errNoPage):
		return http.StatusNotFound, "No such page", []string{"There is nothing at this address: the pages are those above."}
	case errors.Is(err, context.DeadlineExceeded):
		return http.StatusServiceUnavailable, "It takes too long now", []string{"Try again later, or narrow what is asked for: one environment, fewer services."}
	}
	return http.StatusInternalServerError, "The answer could not be found", []string{"The log says why, under request " + id + "."}
}

func present(text string) []string {
	if text == "" {
		return nil
	}
	return []string{text}
}

func servicesOf(e *query.HorizonError) []string {
	if len(e.Services) == 0 {
		return nil
	}
	return []string{"Services that the ledger did not know yet: " + listed(tagalong.Strings(e.Services, nameOf)) + "."}
}
