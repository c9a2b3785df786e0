package sandbox

import (
	"html/template"
	"net/http"
)

// bankPage is what a customer's bank shows: two buttons and no script.
var bankPage = template.Must(template.New("bank").Parse(`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Your bank (sandbox)</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light dark">
<style>
:root{--ground:#f3f5f9;--card:#fff;--ink:#1d2430;--soft:#566070;--line:#cdd4df;--act:#14508c;--on-act:#fff}
@media (prefers-color-scheme:dark){:root{--ground:#10151d;--card:#1a212c;--ink:#e7ecf3;--soft:#a9b4c4;--line:#3a4556;--act:#9cc8ff;--on-act:#0d1825}}
*{box-sizing:border-box}
body{font:1rem/1.5 system-ui,sans-serif;background:var(--ground);color:var(--ink);margin:0;padding:1rem;min-height:100vh;display:grid;place-items:center}
main{background:var(--card);border:1px solid var(--line);border-radius:.8rem;padding:1.75rem;width:100%;max-width:27rem}
header{display:flex;justify-content:space-between;gap:1rem;color:var(--soft);border-bottom:1px solid var(--line);padding-bottom:.75rem;margin-bottom:1.25rem}
header strong{color:var(--ink)}
h1{font-size:1.35rem;line-height:1.25;margin:0 0 1rem}
dl{display:grid;grid-template-columns:auto 1fr;gap:.3rem 1.25rem;margin:0 0 1.25rem}
dt,small{color:var(--soft)}dd{margin:0;text-align:right;font-weight:600}
form{margin:0 0 .6rem}
button{font:inherit;font-weight:600;width:100%;padding:.75rem 1rem;border-radius:.5rem;border:1px solid var(--act);background:var(--act);color:var(--on-act);cursor:pointer}
button.no{background:none;color:var(--act)}
button:focus-visible{outline:3px solid var(--act);outline-offset:2px}
</style></head><body><main>
<header><strong>Sandbox Bank</strong><span>Secure payment</span></header>
{{if .Waiting}}<h1>Did you make this payment?</h1>
<dl><dt>Amount</dt><dd>{{.Amount}} {{.Currency}}</dd><dt>Booking</dt><dd>{{.Reference}}</dd></dl>
<form method="post" action="{{.Path}}/complete"><button id="complete">Confirm payment</button></form>
<form method="post" action="{{.Path}}/fail"><button id="fail" class="no">Refuse</button></form>
<p><small>You go back to the shop afterwards. This bank is part of the sandbox: no money moves.</small></p>
{{else}}<h1>There is nothing to confirm</h1>
<p>This payment is <strong id="status">{{.Status}}</strong>. You can close this page.</p>{{end}}
</main></body></html>`))

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
