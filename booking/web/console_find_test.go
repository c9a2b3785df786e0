package web

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestWhoHasNotSignedInIsSentThereAndComesBack(t *testing.T) {
	t.Parallel()
	s := open(t)
	answer := nobody(t, s).get("/support?status=failed").is(http.StatusSeeOther)
	require.Equal(t, "/support/sign-in?next=%2Fsupport%3Fstatus%3Dfailed", answer.header.Get("Location"))
	staff(t, s, viewerKey).get("/support?status=failed").page(http.StatusOK)
}
