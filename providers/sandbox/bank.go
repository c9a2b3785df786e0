package sandbox

import (
	"html/template"
	"net/http"
)

// bankPage is what a customer's bank shows: two buttons and no script.
var bankPage = template.Must(template.New("bank").Parse(`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Your bank (sandbox)</title>
<meta name="viewport" content="width=device-width">
<style>body{font:1.1rem/1.5 system-ui,sans-serif;max-width:26rem;margin:4rem auto;padding:0 1rem}
button{font:inherit;padding:.6rem 1.2rem;margin-right:.6rem}</style></head><body>
<h1>Your bank</h1>
{{if .Waiting}}<p>Do you want to pay <strong>{{.Amount}} {{.Currency}}</strong> for booking {{.Reference}}?</p>
<form method="post" action="{{.Path}}/complete" style="display:inline"><button id="complete">complete</button></form>
<form method="post" action="{{.Path}}/fail" style="display:inline"><button id="fail">fail</button></form>
{{else}}<p>This payment is <strong id="status">{{.Status}}</strong>. You may close this page.</p>{{end}}
</body></html>`))

type bankView struct {
	Waiting                                   bool
	Amount, Currency, Reference, Status, Path string
}

func (s *Server) showBank(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	reference, p := s.books.payment(r.PathValue("id"))
	var view bankView
	if p != nil {
		view = bankViewOf(reference, p)
	}
	s.mu.Unlock()
	if p == nil {
		http.NotFound(w, r)
		return
	}
	showBankPage(w, http.StatusOK, view)
}

// decideBank is the customer pressing a button: complete or fail. Pressing again changes nothing.
func (s *Server) decideBank(button string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var view bankView
		status, back := http.StatusNotFound, ""
		id := r.PathValue("id")
		s.mu.Lock()
		reference, known := s.books.payment(id)
		s.mu.Unlock()
		if known == nil {
			http.NotFound(w, r)
			return
		}
		entry := Entry{ReceivedAt: s.cfg.Now(), System: Payment, Operation: "authenticate", Reference: reference, Answer: given}
		s.record(entry, func(c *change) answer {
			_, p := c.payment(id)
			if p == nil { // a reset came in between
				return answer{status: status}
			}
			status, back = http.StatusOK, p.ReturnURL
			switch {
			case p.State == payNeedsAction && button == "fail":
				c.touch(kindAccount, reference)
				p.State, p.Decline = payFailed, "authentication_failed"
				c.happened("authentication_failed", "payment.failed", reference, p)
			case p.State == payNeedsAction:
				c.touch(kindAccount, reference)
				c.issue(reference, p, c.happened)
			case p.State != payAuthorized && p.State != payFailed:
				status = http.StatusConflict
			}
			view = bankViewOf(reference, p)
			return answer{status: status}
		})
		if back != "" && status == http.StatusOK {
			http.Redirect(w, r, back, http.StatusSeeOther)
			return
		}
		showBankPage(w, status, view)
	}
}

func bankViewOf(reference string, p *payment) bankView {
	amount := inMoney(p.Minor, p.Currency)
	return bankView{
		Waiting: p.State == payNeedsAction, Amount: amount.Amount, Currency: amount.Currency,
		Reference: reference, Status: string(p.State), Path: "/payment/3ds/" + p.ID,
	}
}

func showBankPage(w http.ResponseWriter, status int, view bankView) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; form-action *; frame-ancestors 'none'")
	w.WriteHeader(status)
	_ = bankPage.Execute(w, view) // nobody is left to tell
}

// payment is found by the PSP's own id.
func (b *books) payment(id string) (reference string, p *payment) {
	reference = b.paymentOf[id]
	if a := b.accounts[reference]; a != nil {
		return reference, a.find(id, "")
	}
	return reference, nil
}
