// Package lintprobe breaks the rules of .golangci.yml on purpose. Each line that ends in "want" must be found; `make lint`
// checks it, because a rule with a slip in its pattern looks just like a rule that nobody breaks. No ./... reaches this
// directory.
package lintprobe

import (
	"fmt"
	"net/http"
	"os"
	"time"

	"gorm.io/gorm" // want depguard
)

type row struct{ ID string }

type store struct{ *gorm.DB }

type file struct{}

func (file) Save(any)    {}
func (file) Updates(any) {}

func lostUpdates(db *gorm.DB, s store, f file) {
	db.Save(&row{})                                        // want forbidigo
	db.Model(&row{}).Where("id = ?", 1).Updates(row{})     // want forbidigo
	db.WithContext(nil).Table("rows").UpdateColumns(row{}) // want forbidigo staticcheck
	s.DB.Save(&row{})                                      // want forbidigo
	_ = db.AutoMigrate(&row{})                             // want forbidigo
	f.Save(nil)
	f.Updates(nil)
	db.Model(&row{}).Where("id = ?", 1).Update("id", 2)
}

type phase int

const (
	doing phase = iota + 1
	undoing
)

func others(p phase) error {
	time.Sleep(time.Second)        // want forbidigo
	_ = os.Getenv("BOOKING_X")     // want forbidigo
	http.Get("http://127.0.0.1:1") // want bodyclose errcheck noctx
	switch p {                     // want exhaustive
	case doing:
	default:
	}
	_ = undoing
	if err := fmt.Errorf("x"); err == http.ErrServerClosed { // want errorlint
		return fmt.Errorf("y: %v", err) // want errorlint
	}
	fmt.Println() //nolint // want nolintlint
	return nil
}

var _ = []any{lostUpdates, others}
