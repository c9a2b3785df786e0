// Package client books at the service over HTTP as a client should: each submission has its own key, is repeated until there is an
// answer, and followed to its end. It writes down what it was told, for the judge.
package client

import (
	"context"
	"io"
	"net/http"
	"strings"
	"time"
)

// Web keeps enough connections open that clients do not queue for them.
var Web = &http.Client{
	Transport:     &http.Transport{MaxIdleConnsPerHost: 1024, IdleConnTimeout: 20 * time.Second},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// Answer is an HTTP answer, read.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
}

// Call makes one request; headers come in pairs. An error is no answer.
func Call(method, url, key, body string, within time.Duration, headers ...string) (Answer, error) {
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		return Answer{}, err
	}
	if key != "" {
		request.Header.Set("Authorization", "Bearer "+key)
	}
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		if headers[i+1] != "" {
			request.Header.Set(headers[i], headers[i+1])
		}
	}
	response, err := Web.Do(request)
	if err != nil {
		return Answer{}, err
	}
	defer response.Body.Close()
	content, err := io.ReadAll(io.LimitReader(response.Body, 64<<20))
	if err != nil {
		return Answer{}, err
	}
	return Answer{Status: response.StatusCode, Header: response.Header, Body: content}, nil
}
